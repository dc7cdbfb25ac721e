"""podwall new: one command for each recipe, made from what the recipe says of itself."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from podwall.cli import flags
from podwall.cli.command import option, parameters
from podwall.cli.running import INCOMPLETE, OK, Streams

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


OutputDir = Annotated[
    str | None, option("-d", "--output-dir", metavar="DIR", help="Write one file for each policy into DIR.")
]
Force = Annotated[bool, option("--force", help="With -d: overwrite files that have other content.")]


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

    def callback(**named: Any) -> None:  # noqa: ANN401 - the flags of a recipe, and those that every one has
        own = {name.removeprefix("given_"): v for name, v in named.items() if name.startswith("given_")}
        values = {name: value for name, value in own.items() if value not in (None, (), False)}
        _doing(recipe, values)(**{name: v for name, v in named.items() if not name.startswith("given_")})

    own = [*map(_argument, recipe.arguments), *map(_option, recipe.flags)]
    paragraphs = documentation(recipe.name).split("\n\n")
    return click.Command(
        recipe.name,
        callback=callback,
        params=[*own, *parameters(_doing(recipe, {}))],
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
        metavar=flag.metavar or (flag.key.upper() if flag.choices else None),
        help=flag.help,
    )


def _doing(recipe: Recipe, values: dict[str, Any]) -> Callable[..., None]:
    """The command of a recipe with what its own flags say; its parameters are the flags that every recipe has."""

    @flags.reading()
    def command(given: flags.Given, *, output_dir: OutputDir = None, force: Force = False) -> None:
        given.run(lambda streams: _new(streams, given, (recipe, values), output_dir, force=force))

    return command


def _new(
    streams: Streams, given: flags.Given, asked: tuple[Recipe, dict[str, Any]], output_dir: str | None, *, force: bool
) -> int:
    from podwall.ops.authoring import put, update, write

    recipe, values = asked
    changed = update(recipe.name, values)
    if changed is not None:
        streams.result([f"{changed}\n"])
        return OK
    inputs = given.inputs()
    with streams.phase("written and proved"):
        written = write(recipe.name, values, inputs, _typed(recipe, values, inputs.namespace))
    streams.warn(*written.remarks)
    streams.note(f"asked the engine {written.questions:,} questions")
    if output_dir is None:
        streams.result(["---\n".join(written.texts.values())])
    else:
        streams.result(f"{line}\n" for line in put(written, output_dir, force=force))
    return INCOMPLETE if written.partial else OK


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
