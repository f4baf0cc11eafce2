"""An experiment as the command line asks for it: a preset, with some numbers changed."""

import dataclasses
from collections.abc import Iterable

from picpxct_nx import units
from picpxct_nx.errors import UsageError
from picpxct_nx.simulate.presets import PRESETS, Experiment

# Units of an experiment's numbers by name; the others are plain numbers.
UNITS = {
    "energies_ev": "eV",
    "rotations": "rad",
    "detector_pixel_size": "m",
    "distance": "m",
    "count_time": "s",
    "photon_rate": "Hz",
    "step": "m",
    "position_jitter": "m",
    "scan_drift": "m",
    "rotation_error": "rad",
    "beam_diameter": "m",
    "zone_correlation": "m",
    "zone_plate.diameter": "m",
    "zone_plate.outermost_zone_width": "m",
    "zone_plate.central_stop_diameter": "m",
    "particle_size": "m",
    "max_tilt": "rad",
}

LARGEST = {"polarisation_purity": 1.0}


def configure(
    preset: str, settings: Iterable[str] = (), *, energies: str | None = None, rotations: str | None = None
) -> Experiment:
    """The preset with the numbers that NAME=VALUE texts change.

    Parameters
    ----------
    preset : str
        Name of a preset.
    settings : iterable of str
        NAME=VALUE, a quantity with its unit where the number has one.
    energies, rotations : str, optional
        Quantities separated by commas, in place of the preset's.

    Raises
    ------
    UsageError
        The preset or a name is not known, or a value is not understood.
    """
    if preset not in PRESETS:
        raise UsageError(f"--preset '{preset}' is not known; wanted one of {', '.join(PRESETS)}")
    changes = dict(_change(PRESETS[preset], text) for text in settings)
    if energies is not None:
        changes["energies_ev"] = _quantities("--energies", energies, "eV")
    if rotations is not None:
        changes["rotations"] = _quantities("--rotations", rotations, "rad")
    return dataclasses.replace(PRESETS[preset], **changes)  # type: ignore[arg-type]  # _change checked names and types


def _quantities(option: str, text: str, unit: str) -> tuple[float, ...]:
    parts = [part for part in text.split(",") if part.strip()]
    if not parts:
        raise UsageError(f"{option} '{text}' names nothing; wanted quantities such as '1 {unit}, 2 {unit}'")
    return tuple(units.quantity(part, unit) for part in parts)


def _change(experiment: Experiment, text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    name = name.strip()
    known = {f.name for f in dataclasses.fields(experiment) if isinstance(getattr(experiment, f.name), int | float)}
    if not equals or name not in known:
        raise UsageError(f"--set '{text}': wanted NAME=VALUE with one of {', '.join(sorted(known))}")
    if name in UNITS:
        number = units.quantity(value, UNITS[name])
    else:
        try:
            number = float(value)
        except ValueError:
            raise UsageError(f"--set {name}: '{value}' is not a number") from None
    if number < 0:
        raise UsageError(f"--set {name}: {number:g} is negative; wanted zero or more")
    if number > LARGEST.get(name, number):
        raise UsageError(f"--set {name}: {number:g} is too large; wanted 0 to {LARGEST[name]:g}")
    if isinstance(getattr(experiment, name), int):
        if number != int(number):
            raise UsageError(f"--set {name}: {number:g} is not whole; wanted a whole number")
        return name, int(number)
    return name, number
