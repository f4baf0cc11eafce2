"""Options from elsewhere: PICPXCT_COMMAND_OPTION in the environment, and ./picpxct.toml."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from picpxct_nx.errors import ConfigError

CONFIG = Path("picpxct.toml")
_PREFIX = "PICPXCT"


def apply_settings(context: typer.Context) -> None:
    """Let every command take its options from the environment, and those that are not there from ./picpxct.toml.

    Raises
    ------
    ConfigError
        A section or option is unknown, or a value does not fit its option.
    """
    commands: Mapping[str, Any] = getattr(context.command, "commands")  # noqa: B009  # a Group; Click is vendored
    known = {name: options(command) for name, command in commands.items()}
    for name, settings in known.items():
        for option, parameter in settings.items():
            parameter.envvar, parameter.show_envvar = _variable(name, option), False
    _refuse_unknown_variables(known)
    if CONFIG.is_file():
        context.default_map = _read(context, known)


def options(command: Any) -> dict[str, Any]:
    """Options of a command by their long name, `overwrite` for --overwrite."""
    found: dict[str, Any] = {}
    for parameter in command.params:
        long = [text.removeprefix("--") for text in parameter.opts if text.startswith("--")]
        if long and "help" not in long:
            found[max(long, key=len)] = parameter
    return found


def _variable(command: str, option: str) -> str:
    return f"{_PREFIX}_{command}_{option}".upper().replace("-", "_")


def _refuse_unknown_variables(known: Mapping[str, Mapping[str, Any]]) -> None:
    for name, settings in known.items():
        mine, start = {_variable(name, option) for option in settings}, _variable(name, "")
        for variable in os.environ:
            if variable.startswith(start) and variable not in mine:
                raise ConfigError(f"environment: {variable} is no option; wanted one of {', '.join(sorted(mine))}")


def _read(context: typer.Context, known: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the file sets, by command and name of the parameter."""
    try:
        tables = tomllib.loads(CONFIG.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{CONFIG}: {error}; wanted TOML such as [reconstruct] device = 'cpu'") from None
    found: dict[str, dict[str, Any]] = {}
    for name, table in tables.items():
        if name not in known or not isinstance(table, dict):
            raise ConfigError(f"{CONFIG}: [{name}] is no command; wanted one of {', '.join(sorted(known))}")
        found[name] = {}
        for option, value in table.items():
            if option not in known[name]:
                wanted = ", ".join(sorted(known[name]))
                raise ConfigError(f"{CONFIG}: [{name}] {option} is no option; wanted one of {wanted}")
            parameter = known[name][option]
            found[name][parameter.name] = _fitting(context, parameter, value, f"[{name}] {option} = {value!r}")
    return found


def _fitting(context: typer.Context, parameter: Any, value: Any, where: str) -> Any:
    if parameter.multiple and not isinstance(value, list):
        raise ConfigError(f"{CONFIG}: {where}: wanted a list, for example ['{value}']")
    try:
        parameter.process_value(context, value)
    except typer.BadParameter as error:
        raise ConfigError(f"{CONFIG}: {where}: {error.message}; see picpxct COMMAND --help") from None
    return value
