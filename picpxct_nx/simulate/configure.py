"""An experiment as the command line asks for it: a preset or a plan, with some numbers changed."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from picpxct_nx import units
from picpxct_nx.errors import ConfigError, PicpxctError, UsageError
from picpxct_nx.simulate.detector import SENSORS
from picpxct_nx.simulate.exposure import photon_rate_for
from picpxct_nx.simulate.particles import KINDS
from picpxct_nx.simulate.planfile import Plan
from picpxct_nx.simulate.presets import MODELS, PRESETS, Experiment

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
    "scan_creep": "m",
    "rotation_error": "rad",
    "beam_diameter": "m",
    "beamstop_diameter": "m",
    "zone_correlation": "m",
    "zone_plate.diameter": "m",
    "zone_plate.outermost_zone_width": "m",
    "zone_plate.central_stop_diameter": "m",
    "particle_size": "m",
    "max_tilt": "rad",
    "dose": "Gy",
}

# Beyond these nothing is simulated within a day, or a machine's memory.
LARGEST = {
    "polarisation_purity": 1.0, "refocus": 1.0, "frame_size": 8192, "n_positions": 1e6, "n_grains": 2000,
    "supersampling": 16, "saturation_value": 2**32 - 1, "zone_plate.outermost_zone_width": 1e-6,
}  # fmt: skip
SMALLEST = {"frame_size": 8}
# What would divide by zero, or leave nothing to simulate.
POSITIVE = (
    "frame_size", "detector_pixel_size", "distance", "saturation_value", "count_time", "photon_rate", "n_positions",
    "step", "beam_diameter", "zone_correlation", "n_grains", "supersampling", "dose", "zone_plate.diameter",
    "zone_plate.outermost_zone_width",
)  # fmt: skip
WORDS: Mapping[str, tuple[str, ...]] = {"model": MODELS, "specimen": KINDS, "sensor": SENSORS}
# Lengths along x, y and z, given as three quantities.
TRIPLES = ("particle_size",)
# One number an energy.
EXPOSURES = "exposures"
# The dose of a scan at the lowest energy stands for the photon rate.
DOSE = "dose"


def configure(
    preset: str, settings: Iterable[str] = (), *, energies: str | None = None, rotations: str | None = None
) -> Experiment:
    """The preset with what NAME=VALUE texts change.

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
        raise UsageError(f"--preset '{preset}' is not known; wanted one of {', '.join(PRESETS)}, or a plan FILE.toml")
    return changed(_instead(PRESETS[preset], energies, rotations), settings)


def planned(
    plan: Plan, name: str, settings: Iterable[str] = (), *, energies: str | None = None, rotations: str | None = None
) -> Experiment:
    """The experiment of a plan; `name` is what errors call it, and the options come after what it says.

    Raises
    ------
    UsageError
        An option is not understood.
    ConfigError
        The plan says what no experiment can be.
    """
    try:
        found = configure(plan.preset, plan.settings, energies=plan.energies, rotations=plan.rotations)
    except PicpxctError as error:
        raise ConfigError(f"{name}: {error}") from None
    if plan.exposures and len(plan.exposures) != len(found.energies_ev):
        raise ConfigError(f"{name}: has {len(plan.exposures)} exposures for {len(found.energies_ev)} energies")
    return changed(_instead(dataclasses.replace(found, exposures=plan.exposures), energies, rotations), settings)


def _instead(experiment: Experiment, energies: str | None, rotations: str | None) -> Experiment:
    """The experiment at other energies and rotations."""
    changes: dict[str, Any] = {}
    if energies is not None:
        changes |= {"energies_ev": _quantities("--energies", energies, "eV"), "exposures": ()}
    if rotations is not None:
        changes["rotations"] = _quantities("--rotations", rotations, "rad")
    return dataclasses.replace(experiment, **changes)


def changed(experiment: Experiment, settings: Iterable[str]) -> Experiment:
    """The experiment with what NAME=VALUE texts change, the dose last: it depends on the others.

    Raises
    ------
    UsageError
        A name is not known, or a value is not understood.
    """
    changes = dict(_change(experiment, text) for text in settings)
    wanted = changes.pop(DOSE, None)
    plate = {name.partition(".")[2]: changes.pop(name) for name in list(changes) if name.startswith("zone_plate.")}
    if plate:
        changes["zone_plate"] = dataclasses.replace(experiment.zone_plate, **plate)
    found = dataclasses.replace(experiment, **changes)
    if EXPOSURES in changes and len(found.exposures) != len(found.energies_ev):
        raise UsageError(f"--set exposures: {len(found.exposures)} for {len(found.energies_ev)} energies; one for each")
    if wanted is None:
        return found
    if "photon_rate" in changes:
        raise UsageError("--set dose and --set photon_rate both say how many photons there are; give one of them")
    return dataclasses.replace(found, photon_rate=photon_rate_for(found, wanted))


def _quantities(option: str, text: str, unit: str) -> tuple[float, ...]:
    parts = [part for part in text.split(",") if part.strip()]
    if not parts:
        raise UsageError(f"{option} '{text}' names nothing; wanted quantities such as '1 {unit}, 2 {unit}'")
    return tuple(units.quantity(part, unit) for part in parts)


def _names(experiment: Experiment) -> dict[str, Any]:
    """Present values by the name that --set takes."""
    plain = {f.name: getattr(experiment, f.name) for f in dataclasses.fields(experiment)}
    listed = (*TRIPLES, EXPOSURES)
    known = {name: value for name, value in plain.items() if isinstance(value, int | float | str) or name in listed}
    return known | {f"zone_plate.{name}": value for name, value in vars(experiment.zone_plate).items()} | {DOSE: 0.0}


def _change(experiment: Experiment, text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    name, known = name.strip(), _names(experiment)
    if not equals or name not in known:
        raise UsageError(f"--set '{text}': wanted NAME=VALUE with one of {', '.join(sorted(known))}")
    if name in WORDS:
        if value.strip() not in WORDS[name]:
            raise UsageError(f"--set {name}: '{value}' is not known; wanted one of {', '.join(WORDS[name])}")
        return name, value.strip()
    if name in TRIPLES:
        numbers = _quantities(f"--set {name}", value, UNITS[name])
        if len(numbers) != 3 or min(numbers) <= 0:
            raise UsageError(f"--set {name}: wanted three lengths above zero, along x, y and z: '3 um, 2 um, 1 um'")
        return name, numbers
    if name == EXPOSURES:
        return name, tuple(_positive(name, part) for part in value.split(","))
    return name, _number(name, value, whole=isinstance(known[name], int))


def _positive(name: str, text: str) -> float:
    number = _number(name, text, whole=False)
    if not number:
        raise UsageError(f"--set {name}: wanted more than zero")
    return number


def _number(name: str, text: str, *, whole: bool) -> float | int:
    if name in UNITS:
        number = units.quantity(text, UNITS[name])
    else:
        try:
            number = float(text)
        except ValueError:
            raise UsageError(f"--set {name}: '{text}' is not a number") from None
    if not number >= 0:
        raise UsageError(f"--set {name}: {number:g} is negative; wanted zero or more")
    if number == 0 and name in POSITIVE:
        raise UsageError(f"--set {name}: wanted more than zero")
    if number < SMALLEST.get(name, 0):
        raise UsageError(f"--set {name}: {number:g} is too small; wanted {SMALLEST[name]} or more")
    if number > LARGEST.get(name, number) or number == float("inf"):
        limit = f"0 to {LARGEST[name]:g}" if name in LARGEST else "a finite number"
        raise UsageError(f"--set {name}: {number:g} is too large; wanted {limit}")
    if whole:
        if number != int(number):
            raise UsageError(f"--set {name}: {number:g} is not whole; wanted a whole number")
        return int(number)
    return number
