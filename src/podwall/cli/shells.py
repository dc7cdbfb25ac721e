"""The completion scripts of the shells. Each asks `podwall __complete` and shows what that answers."""

from __future__ import annotations

__all__ = ["SCRIPTS"]

# Bash takes words apart at = and :, and replaces only what stands behind the last one.
_BASH = r"""# bash completion for podwall:  source <(podwall completion bash)
__podwall_complete() {
    local words=() word joined= i
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ -n $joined || $word == [=:] ]] && ((${#words[@]})); then
            words[${#words[@]} - 1]+=$word
            [[ $word == [=:] ]] && joined=1 || joined=
        else
            words+=("$word")
        fi
    done
    local current=${COMP_WORDS[COMP_CWORD]} typed=${words[${#words[@]} - 1]} line beside=4
    [[ $current == [=:] ]] && current=
    local before=${typed%"$current"}
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :*) beside=${line#:} ;;
            *) line=${line%%$'\t'*} && COMPREPLY+=("${line#"$before"}") ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
    if ((${#COMPREPLY[@]} == 0 && beside != 4)); then
        local how=-f
        ((beside == 16)) && how=-d
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$how" -- "$current")
        compopt -o filenames 2>/dev/null
    fi
}
complete -F __podwall_complete podwall
"""

_ZSH = r"""#compdef podwall
# zsh completion for podwall:  source <(podwall completion zsh)
_podwall() {
    local -a described
    local line word beside=4
    for line in "${(@f)$(${words[1]} __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        if [[ $line == :* ]]; then
            beside=${line#:}
        else
            word=${line%%$'\t'*}
            described+=("${word//:/\\:}${${(M)line:#*$'\t'*}:+:${line#*$'\t'}}")
        fi
    done
    if (( $#described )); then
        _describe -V podwall described
    elif (( beside == 16 )); then
        _files -/
    elif (( beside == 0 )); then
        _files
    fi
}
if [[ ${funcstack[1]} == _podwall ]]; then
    _podwall "$@"
else
    compdef _podwall podwall
fi
"""

_FISH = r"""# fish completion for podwall:  podwall completion fish | source
function __podwall_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l found ($words[1] __complete $words[2..-1] "$typed" 2>/dev/null)
    if test (count $found) -gt 1
        printf '%s\n' $found[1..-2]
    else if test "$found" = :16
        __fish_complete_directories "$typed"
    else if test "$found" = :0
        __fish_complete_path "$typed"
    end
end
complete -c podwall -f -a '(__podwall_complete)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
