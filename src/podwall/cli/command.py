"""A function as a command: what stands beside the type of a parameter says which flag or argument it is.

Typer does the same, but loads pydantic to take in the text of a flag, and that takes longer than most answers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any, get_args, get_type_hints

import click
from msgspec import Struct

__all__ = ["Argument", "Option", "Program", "option", "parameters"]

_SEVERAL = tuple[str, ...]
Values = Callable[[], Sequence[str]]
"""What a shell may offer as a value."""


class Option(Struct, frozen=True):
    """A flag, for a parameter of type str, int, bool (it has no value) or tuple[str, ...] (it can be repeated)."""

    names: tuple[str, ...]
    help: str
    metavar: str | None = None
    hidden: bool = False
    values: Values | None = None
    check: Callable[[str], None] | None = None


class Argument(Struct, frozen=True):
    """A value without a flag, or several for tuple[str, ...]; left out where its parameter has a default."""

    metavar: str
    help: str
    values: Values | None = None


def option(*names: str, help: str = "", **more: Any) -> Option:  # noqa: A002, ANN401 - click's word; what Option takes
    """A flag by its names as they are typed: -f, --filename."""
    return Option(names, help, **more)


class Program(click.Group):
    """Commands by name, in the order in which they are added. Each is made when it is asked for: a run needs one.

    `reword` is done to their examples.
    """

    def __init__(self, name: str, about: str) -> None:
        super().__init__(name, help=about, no_args_is_help=True)
        self.context_settings = {"help_option_names": ["-h", "--help"]}
        self._order: dict[str, None] = {}
        self._made_from: dict[str, tuple[Callable[..., None], str]] = {}
        self.reword: Callable[[str], str] = str

    def add(self, name: str, function: Callable[..., None], epilog: str = "") -> None:
        """A command whose help is the function's docstring, its flags, and the epilog."""
        self._made_from[name] = function, epilog
        self._order[name] = None

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """A command that is made already, as a group of others."""
        super().add_command(cmd, name)
        self._order[name or cmd.name or ""] = None

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click asks so
        return list(self._order)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click asks so
        # For a name that there is not, all are made: click looks among them for what was meant.
        for name in [cmd_name] if cmd_name in self._made_from else self._made_from:
            if name not in self.commands:
                function, epilog = self._made_from[name]
                self.commands[name] = _command(name, function, self.reword(epilog))
        return self.commands.get(cmd_name)

    def made(self) -> Program:
        """The program with all its commands at hand, for what looks through them."""
        for name in self._made_from:
            self.get_command(click.Context(self), name)
        self.commands = {name: self.commands[name] for name in self._order}
        return self


def _command(name: str, function: Callable[..., None], epilog: str) -> click.Command:
    text = inspect.getdoc(function)
    return click.Command(name, callback=function, params=parameters(function), help=text, epilog=epilog)


def parameters(function: Callable[..., None]) -> list[click.Parameter]:
    """The flags and arguments that a function declares."""
    hints = get_type_hints(function, include_extras=True)
    return [_parameter(p, *get_args(hints[p.name])) for p in inspect.signature(function).parameters.values()]


def _parameter(parameter: inspect.Parameter, hint: Any, said: Option | Argument) -> click.Parameter:  # noqa: ANN401 - a type
    required = parameter.default is parameter.empty
    default = {} if required else {"default": parameter.default}
    kind = _kind(hint)
    if isinstance(said, Argument):
        metavar = said.metavar if required else f"[{said.metavar}]"
        return click.Argument(
            [parameter.name],
            type=str if kind == _SEVERAL else kind,
            nargs=-1 if kind == _SEVERAL else 1,
            required=required,
            metavar=metavar,
            help=said.help,
            shell_complete=_offering(said.values),
            **default,
        )
    return click.Option(
        [*said.names, parameter.name],
        type=str if kind == _SEVERAL else kind,
        is_flag=kind is bool,
        multiple=kind == _SEVERAL,
        required=required,
        show_default=isinstance(parameter.default, str),
        metavar=said.metavar,
        help=said.help,
        hidden=said.hidden,
        callback=_checking(said.check),
        shell_complete=_offering(said.values),
        **default,
    )


def _checking(check: Callable[[str], None] | None) -> Callable[[click.Context, click.Parameter, Any], Any] | None:
    if check is None:
        return None

    def checked(_: click.Context, __: click.Parameter, value: Any) -> Any:  # noqa: ANN401 - whatever click made of it
        check(value)
        return value

    return checked


def _offering(values: Values | None) -> Callable[[click.Context, click.Parameter, str], list[str]] | None:
    if values is None:
        return None
    return lambda _, __, typed: [value for value in values() if value.startswith(typed)]


def _kind(hint: Any) -> Any:  # noqa: ANN401 - a type
    """The type of a parameter that may be None, or may not."""
    wanted = [hint] if hint == _SEVERAL else [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
    if len(wanted) != 1 or wanted[0] not in (str, int, bool, _SEVERAL):
        raise TypeError(f"{hint} is nothing that a flag could give")
    return wanted[0]
