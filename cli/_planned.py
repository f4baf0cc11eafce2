"""The experiment that --preset names: one of ours, or a plan in a TOML file."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from picpxct_nx.errors import ConfigError, MissingInputError

if TYPE_CHECKING:
    from picpxct_nx.simulate.presets import Experiment

# A plan is short; something else may have no end.
_LARGEST_BYTES = 2**20


def experiment_of(
    preset: str, settings: Iterable[str] | None, energies: str | None, rotations: str | None
) -> "Experiment":
    """The experiment of a preset or plan, with what the other options change.

    Raises
    ------
    UsageError, ConfigError, MissingInputError
        One of them is not understood, or the plan is not there.
    """
    from picpxct_nx.simulate.configure import configure, planned
    from picpxct_nx.simulate.planfile import Plan

    if not preset.endswith(".toml"):
        return configure(preset, settings or (), energies=energies, rotations=rotations)
    plan = Plan.parse(_text(Path(preset)), preset)
    return planned(plan, preset, settings or (), energies=energies, rotations=rotations)


def _text(path: Path) -> str:
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
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not text in UTF-8; wanted TOML") from None
