"""podwall new: one command for each recipe, made from what the recipe says of itself."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from podwall.cli import flags
from podwall.cli.command import option, parameters
from podwall.cli.running import INCOMPLETE, OK, Streams, run

if TYPE_CHECKING:
    from podwall.ops.authoring import Argument, Flag, Recipe

__all__ = ["Recipes"]

_CODES = """\
Exit codes:
  0  written                3  incomplete input (see --strict, --ignore-kinds)
  2  usage or input error,  4  a bug in Podwall
     or it cannot be proved
"""
_ABOUT = """Writes policies: YAML on standard output, or one file for each with -d.

Each is proved by the engine before it is given out: alone it opens what is
meant and nothing else, and beside the policies of the input it works.
"""


class Recipes(click.Group):
    """The recipes, found by their files when one is asked for."""

    def __init__(self) -> None:
        super().__init__("new", help=_ABOUT, no_args_is_help=True)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click asks so
        from podwall.ops.authoring import all_recipes

        return [recipe.name for recipe in all_recipes()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click asks so
        from podwall.ops.authoring import all_recipes

        return next((_command(recipe) for recipe in all_recipes() if recipe.name == cmd_name), None)


def _command(recipe: Recipe) -> click.Command:
    from podwall.ops.authoring import documentation

    def callback(**given: Any) -> None:  # noqa: ANN401 - the flags of a recipe
        _new(recipe, given)

    own = [*map(_argument, recipe.arguments), *map(_option, recipe.flags)]
    paragraphs = documentation(recipe.name).split("\n\n")
    return click.Command(
        recipe.name,
        callback=callback,
        params=[*own, *parameters(_common)],
        help="\n\n".join(f"\b\n{p}" if "\n  " in p or p.startswith("  ") else p for p in paragraphs),
        short_help=recipe.says,
        epilog="\b\nExamples:\n" + "".join(f"  {line}\n" for line in recipe.examples) + f"\n\b\n{_CODES}",
    )


def _argument(argument: Argument) -> click.Argument:
    kind = click.Choice(argument.choices) if argument.choices else str
    return click.Argument(
        [f"given_{argument.name}"],
        type=kind,
        required=not argument.optional,
        nargs=-1 if argument.many else 1,
        metavar=f"[{argument.metavar}]" if argument.optional else argument.metavar,
        help=argument.help,
    )


def _option(flag: Flag) -> click.Option:
    return click.Option(
        [flag.name, f"given_{flag.key}"],
        type=click.Choice(flag.choices) if flag.choices else None if flag.kind == "yes" else str,
        is_flag=flag.kind == "yes",
        multiple=flag.kind == "texts",
        metavar=flag.metavar,
        help=flag.help,
    )


def _common(
    *,
    filename: flags.Filenames = (),
    kustomize: flags.Kustomize = None,
    namespace: flags.Namespace = None,
    all_namespaces: flags.Everywhere = False,
    cni: flags.Cni = "kubernetes",
    pod_cidr: flags.PodCidrs = (),
    output_dir: Annotated[
        str | None, option("-d", "--output-dir", metavar="DIR", help="Write one file for each policy into DIR.")
    ] = None,
    force: Annotated[bool, option("--force", help="With -d: overwrite files that have other content.")] = False,
    skip_invalid: flags.SkipInvalid = False,
    strict: flags.Strict = False,
    ignore_kinds: flags.IgnoreKinds = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
    debug: flags.Debug = False,
) -> None:
    """The flags that every recipe has."""


def _new(recipe: Recipe, given: dict[str, Any]) -> None:
    values = {
        k.removeprefix("given_"): v for k, v in given.items() if k.startswith("given_") and v not in (None, (), False)
    }

    def command(streams: Streams) -> int:
        from podwall.ops.authoring import put, update, write

        changed = update(recipe.name, values)
        if changed is not None:
            streams.result([f"{changed}\n"])
            return OK
        with streams.phase("written and proved"):
            written = write(recipe.name, values, flags.inputs(given), _typed(recipe, values, given["namespace"]))
        streams.warn(*written.remarks)
        streams.note(f"asked the engine {written.questions:,} questions")
        if given["output_dir"] is None:
            streams.result(["---\n".join(written.texts.values())])
        else:
            streams.result(f"{line}\n" for line in put(written, given["output_dir"], force=given["force"]))
        return INCOMPLETE if written.partial else OK

    run(command, quiet=given["quiet"], verbose=given["verbose"], debug=given["debug"])


def _typed(recipe: Recipe, values: dict[str, Any], namespace: str | None) -> str:
    """The command without its input: what was asked for, on any machine."""
    words = ["podwall", "new", recipe.name]
    for argument in recipe.arguments:
        words += _listed(values.get(argument.name, ()))
    for flag in recipe.flags:
        found = values.get(flag.key, ())
        shown = [Path(one).name if flag.kind == "file" else one for one in _listed(found)] if found is not True else []
        words += [flag.name] if found is True else [w for one in shown for w in (flag.name, one)]
    return shlex.join([*words, *(["-n", namespace] if namespace else [])])


def _listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
