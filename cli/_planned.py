"""Plans as files: the experiment that --preset names, and the plan that a command writes."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import ConfigError, MissingInputError, UsageError

from ._talk import say

if TYPE_CHECKING:
    from picpxct_nx.plan.make import Made
    from picpxct_nx.simulate.planfile import Plan
    from picpxct_nx.simulate.presets import Experiment

# A plan is short; something else may have no end.
_LARGEST_BYTES = 2**20


def experiment_of(
    preset: str, settings: Iterable[str] = (), energies: str | None = None, rotations: str | None = None
) -> "tuple[Experiment, str]":
    """The experiment of a preset or plan with what the other options change, and the name of the preset below it.

    Raises
    ------
    UsageError, ConfigError, MissingInputError
        One of them is not understood, or the plan is not there.
    """
    from picpxct_nx.simulate.configure import configure, planned

    if not preset.endswith(".toml"):
        return configure(preset, settings, energies=energies, rotations=rotations), preset
    plan = read_plan(Path(preset))
    return planned(plan, preset, settings, energies=energies, rotations=rotations), plan.preset


def read_plan(path: Path) -> "Plan":
    """The plan in a file.

    Raises
    ------
    MissingInputError, ConfigError
        It is not there, or no plan.
    """
    from picpxct_nx.simulate.planfile import Plan

    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise MissingInputError(f"{path}: there is no such plan; picpxct plan -o {path} makes one") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > _LARGEST_BYTES:
        raise ConfigError(f"{path}: is larger than {_LARGEST_BYTES} bytes; a plan is short")
    try:
        return Plan.parse(data.decode("utf-8"), str(path))
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not text in UTF-8; wanted TOML") from None


def refuse_early(output: str | None, *, overwrite: bool, as_json: bool) -> None:
    """Stop before any work is done for a plan that could not be written.

    Raises
    ------
    OutputError
        It exists and may not be replaced.
    UsageError
        simulate would not take it for a plan, or plan and numbers would both go to stdout.
    """
    from picpxct_nx import atomic

    if output == "-" and as_json:
        raise UsageError("--json and -o - both want stdout; give -o FILE.toml, or leave one of them out")
    if output in (None, "-"):
        return
    if not str(output).endswith(".toml"):
        raise UsageError(f"-o {output}: a plan is called NAME.toml; simulate knows it by that")
    atomic.refuse_existing(Path(str(output)), overwrite=overwrite)


def write_plan(made: "Made", preset: str, output: str | None, *, overwrite: bool, quiet: bool, as_json: bool) -> None:
    """Write a plan to its file or stdout, its numbers to stdout if asked for, and say what it will reach.

    Raises
    ------
    OutputError, RetryError
        The file cannot be written.
    """
    from picpxct_nx import atomic

    text, file = made.text(preset), None if output in (None, "-") else Path(str(output))
    if file is not None:
        with atomic.part(file, overwrite=overwrite) as hidden:
            hidden.write_text(text, "utf-8")
    # On a terminal the comments of the plan say it already.
    for line in made.lines if file is not None or not (as_json or sys.stdout.isatty()) else ():
        say(f"plan: {line}", quiet=quiet)
    if as_json:
        print(json.dumps(made.numbers), flush=True)  # noqa: T201
    elif file is None:
        print(text, end="", flush=True)  # noqa: T201
    if file is not None:
        say(f"wrote {file}", quiet=quiet)
