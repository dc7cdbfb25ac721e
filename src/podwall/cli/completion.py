"""podwall completion, and what completes: the words that may stand next, read off the commands themselves.

Shells ask `podwall __complete WORD…`, and kubectl asks `kubectl_complete-podwall WORD…`; the last word is the one that
is being typed. The answer is that of kubectl and its plugins: a line for each word, a tab and what it means behind it,
and at the end `:` and a number that says what else the shell may offer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Annotated, Any

import click

from podwall.cli import shells
from podwall.cli.command import Argument
from podwall.cli.running import Streams, run

__all__ = ["ASKED", "EXAMPLES", "answer", "completion_command"]

ASKED = "__complete"

EXAMPLES = """\b
Examples:
  source <(podwall completion bash)     # in ~/.bashrc
  source <(podwall completion zsh)      # in ~/.zshrc, behind compinit
  podwall completion fish > ~/.config/fish/completions/podwall.fish

`kubectl podwall` completes by itself where kubectl does (from 1.26 on).
"""


class Else(IntEnum):
    """What a shell may offer beside the words: kubectl's numbers."""

    FILES = 0
    NOTHING = 4
    FOLDERS = 16


_BY_METAVAR = {"PATH": Else.FILES, "FILE": Else.FILES, "DIR": Else.FOLDERS}

_Command = Any  # typer brings its own copy of click in some versions, so that the class has no one name
_Param = Any
_Word = tuple[str, str]


def completion_command(
    shell: Annotated[
        str,
        Argument(metavar="SHELL", help=f"{', '.join(shells.SCRIPTS)}.", values=lambda: [*shells.SCRIPTS]),
    ],
) -> None:
    """The script that makes a shell complete commands, flags and their values."""
    if shell not in shells.SCRIPTS:
        raise click.BadParameter(f"{shell!r} is not one of {', '.join(shells.SCRIPTS)}", param_hint="SHELL")

    def work(streams: Streams) -> int:
        streams.result([shells.SCRIPTS[shell]])
        return 0

    run(work)


def answer(root: _Command, words: Sequence[str]) -> Iterator[str]:
    """The lines for the words behind the program's name, of which the last one is not complete."""
    found, beside = _next(root, list(words) or [""])
    for word, meaning in found:
        yield f"{word}\t{meaning}\n" if meaning else f"{word}\n"
    yield f":{int(beside)}\n"


def _next(root: _Command, words: list[str]) -> tuple[list[_Word], Else]:
    *complete, typed = words
    command, wanted, position = _position(root, complete)
    if command is None:
        return [], Else.NOTHING
    if wanted is not None:
        return _values(command, wanted, typed)
    if typed.startswith("--") and "=" in typed and "--" not in complete:
        name, _, value = typed.partition("=")
        found, beside = _values(command, _option(command, name), value)
        return [(f"{name}={word}", meaning) for word, meaning in found], beside
    if typed.startswith("-") and "--" not in complete:
        return list(_options(command, typed, complete)), Else.NOTHING
    if _is_group(command):
        return list(_commands(command, typed)), Else.NOTHING
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    return _values(command, arguments[position] if position < len(arguments) else None, typed)


def _position(root: _Command, words: Sequence[str]) -> tuple[_Command, _Param, int]:
    """The command that the words lead to, the option that waits for its value, and how many arguments there are."""
    command, wanted, arguments, literal = root, None, 0, False
    for word in words:
        if wanted is not None:
            wanted = None
        elif word == "--" and not literal:
            literal = True
        elif word.startswith("-") and len(word) > 1 and not literal:
            wanted = _waiting(command, word)
        elif _is_group(command):
            command = command.commands.get(word)
            if command is None:
                return None, None, 0
        else:
            arguments += 1
    return command, wanted, arguments


def _waiting(command: _Command, word: str) -> _Param:
    """The option that takes the next word as its value."""
    if word.startswith("--"):
        found = None if "=" in word else _option(command, word)
        return found if found is not None and not found.is_flag else None
    for place, letter in enumerate(word[1:], start=2):
        found = _option(command, f"-{letter}")
        if found is not None and not found.is_flag:
            return found if place == len(word) else None
    return None


def _is_group(command: _Command) -> bool:
    return hasattr(command, "commands")


def _option(command: _Command, name: str) -> _Param:
    return next((p for p in command.params if p.param_type_name == "option" and name in p.opts), None)


def _options(command: _Command, typed: str, before: Sequence[str]) -> Iterator[_Word]:
    for param in command.params:
        if param.param_type_name != "option" or param.hidden:
            continue
        if not param.multiple and any(name in before for name in param.opts):
            continue
        names = [name for name in param.opts if name.startswith(typed)]
        yield from ((name, _short(param.help)) for name in (names if typed == "-" else names[-1:]))
    if "--help".startswith(typed):
        yield "--help", "Show this message and exit."


def _commands(group: _Command, typed: str) -> Iterator[_Word]:
    for name, command in group.commands.items():
        if name.startswith(typed) and not command.hidden:
            yield name, _short(command.help)


def _values(command: _Command, param: _Param, typed: str) -> tuple[list[_Word], Else]:
    if param is None:
        return [], Else.NOTHING
    context = command.context_class(command)
    found = [(item.value, item.help or "") for item in param.shell_complete(context, typed)]
    words = [(word, _short(meaning)) for word, meaning in found if word.startswith(typed)]
    return words, Else.NOTHING if found else _BY_METAVAR.get(param.metavar or "", Else.NOTHING)


def _short(text: str | None) -> str:
    """The first line of a help text."""
    return (text or "").strip().partition("\n")[0]
