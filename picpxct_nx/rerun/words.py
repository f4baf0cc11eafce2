"""The options with which a recorded step was run, from the parameters that its history tells.

Numbers are written with every digit that they have, so that a rerun starts from the very same ones.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.provenance import Step
from picpxct_nx.values import Value, Values

Words = tuple[str, ...]

# Parameters of a reconstruction that say what came out, or are said by other options.
_FOUND = re.compile(
    r"(errors\.|refocus\.|halves\.|warm_shift|scans\.(shift|brightness|count)|status$|message$|threads$|device$|recipe$|modes$|refine$|frames$|seed$|also$|automatic$)"
)
_AFTER = re.compile(r"after (\d+) of \d+ iterations")


def words(step: Step, others: Sequence[str] = ()) -> Words:
    """Options of the command that a step ran.

    Parameters
    ----------
    step : Step
        What the history tells.
    others : sequence of str
        Names of what the step read beside its first inputs: a mask, a manifest, a calibration, a start probe.

    Raises
    ------
    InputError
        The command is none that can be run again, or its history lacks a parameter.
    """
    make = _COMMANDS.get(step.command)
    if make is None:
        known = ", ".join(sorted(_COMMANDS))
        raise InputError(f"step {step.command}: cannot be run again; those that can are {known}")
    return spoken(step, make, others)


def spoken(step: Step, make: Callable[[Values, Words], Words], others: Sequence[str]) -> Words:
    """What `make` says of a step's parameters.

    Raises
    ------
    InputError
        The history lacks one of them.
    """
    try:
        return make(step.parameters, tuple(others))
    except KeyError as error:
        raise InputError(
            f"step {step.command}: its history lacks the parameter {error}; program {step.program} {step.version} "
            "wrote it, run it again with that"
        ) from None


def _number(value: Value) -> str:
    return repr(float(np.asarray(value)))


def text(value: Value) -> str:
    """A parameter as `--set` reads it."""
    if isinstance(value, str):
        return value
    item = np.asarray(value).item()
    if isinstance(item, bool):
        return "true" if item else "false"
    return repr(item)


def quantity(values: Values, name: str) -> str:
    """A parameter with its unit."""
    return f"{_number(values[name])} {values[f'{name}@units']}"


def _pair(values: Values, name: str) -> str:
    low, high = np.asarray(values[name], np.float64)
    return f"{float(low)!r}:{float(high)!r} {values[f'{name}@units']}"


def _flag(values: Values, name: str, *, off: str | None) -> Words:
    """A switch: named where it is on; where it is off, by the word for that, if it has one."""
    if bool(np.asarray(values[name])):
        return (f"--{name.replace('_', '-')}",)
    return () if off is None else (off,)


def _reconstruct(values: Values, others: Words) -> Words:
    made: list[str] = ["--recipe", _recipe(values), "--frames", str(values["frames"])]
    made += ["--modes", text(values["modes"]), "--seed", text(values["seed"])]
    if values["refine"] != "none":
        made += ["--refine", str(values["refine"])]
    also = [word for word in str(values["also"]).split(",") if values.get("status") == "done" or word != "errors"]
    made += ["--also", ",".join(also) or "none"]
    # Histories of before `automatic` was recorded do not tell; by default the likelihood is left to the engine.
    automatic = str(values.get("automatic", "ml.likelihood")).split(",")
    for name, value in sorted(values.items()):
        if "@" in name or _FOUND.match(name) or name == "stop.time" or is_none(value):
            continue
        made += ["--set", f"{name}={'auto' if name in automatic else text(value)}"]
    if others and "warm_shift" not in values:
        made += ["--start", others[0]]
    return tuple(made)


def is_none(value: Value) -> bool:
    """Whether a parameter says that there was nothing."""
    return isinstance(value, str) and value == "none"


def _recipe(values: Values) -> str:
    """The recipe, cut to the iterations that were made where a signal or a limit of time ended it early."""
    ended = _AFTER.search(str(values.get("message", "")))
    left = int(ended[1]) if ended else None
    stages = []
    for part in str(values["recipe"]).split(","):
        engine, _, count = part.partition(":")
        turns = int(count) if left is None else min(int(count), left)
        left = None if left is None else left - turns
        if turns:
            stages.append(f"{engine}:{turns}")
    return ",".join(stages)


def _flatten(values: Values, others: Words) -> Words:
    air = str(values["air"])
    if air == "file":
        if not others:
            raise InputError("step flatten: read its air from a file that its history does not name")
        air = others[0]
    return (
        "--air", air, "--order", str(values["order"]), *_flag(values, "amplitude", off="--no-amplitude"),
        "--least-coverage", _number(values["least_coverage"]),
    )  # fmt: skip


def _stack(values: Values, others: Words) -> Words:
    manifest = () if values["manifest"] == "none" else ("--manifest", others[-1]) if others else ()
    return (
        "--energy-tolerance", quantity(values, "energy_tolerance"),
        "--angle-tolerance", quantity(values, "angle_tolerance"), "--repeats", str(values["repeats"]),
        *_flag(values, "union", off=None), "--least-coverage", _number(values["least_coverage"]), *manifest,
    )  # fmt: skip


def _align(values: Values, others: Words) -> Words:
    limit = () if values["max_shift"] == "none" else ("--max-shift", quantity(values, "max_shift"))
    if "from" in values:
        return ("--from", others[0], *limit) if others else limit
    chosen: Words = ()
    if values["reference_by"] == "the caller":
        chosen = ("--reference", f"{float(np.ravel(np.asarray(values['reference']))[0])!r} eV")
    return ("--on", str(values["on"]), "--strategy", str(values["strategy"]), *chosen, *limit)


def _register(values: Values, _: Words) -> Words:
    chosen = ("--reference", quantity(values, "reference")) if values["reference_by"] == "the caller" else ()
    return (
        "--on", str(values["on"]), "--model", str(values["model"]), "--search", quantity(values, "search"),
        "--bins", text(values["bins"]), *_flag(values, "crop", off="--no-crop"), *chosen,
    )  # fmt: skip


def _normalize(values: Values, _: Words) -> Words:
    e0 = quantity(values, "e0") if values["e0_from"] == "given" else "auto"
    orders = [text(values["pre_order"]), text(values["post_order"])]
    if float(np.asarray(values["victoreen"])):
        orders.append(_number(values["victoreen"]))
    least = f"sigma:{_number(values['least_sigma'])}"
    if not is_none(values["least_thickness"]):
        least = quantity(values, "least_thickness")
    made = ["--e0", e0, "--by", str(values["by"]), "--pre", _pair(values, "pre"), "--post", _pair(values, "post")]
    made += ["--orders", ",".join(orders), "--min-thickness", least]
    for name in ("density", "thickness_scale"):
        if not is_none(values[name]):
            made += [f"--{name.replace('_', '-')}", quantity(values, name)]
    return tuple(made)


def _grainmap(values: Values, others: Words) -> Words:
    made = ["--signal", str(values["signal"]), "--peak", _pair(values, "peak"), "--base", _pair(values, "base")]
    if values["calibration"] != "file":
        made += ["--calibration", str(values["calibration"])]
    elif others:
        made += ["--calibration", others[0]]
    else:
        raise InputError("step grainmap: read its calibration from a file that its history does not name")
    if "min_area" in values and not is_none(values["min_area"]):
        made += ["--min-area", quantity(values, "min_area")]
    return tuple(made)


def _frc(values: Values, _: Words) -> Words:
    return (
        "--image", str(values["image"]), "--threshold", str(values["threshold"]), "--taper", text(values["taper"]),
        "--ring-thickness", text(values["ring_thickness"]), *_flag(values, "align", off="--no-align"),
        *_flag(values, "ramp", off="--no-ramp"),
    )  # fmt: skip


def _dose(values: Values, _: Words) -> Words:
    made: list[str] = ["--accumulate"] if bool(np.asarray(values["accumulate"])) else []
    if values["flux"] == "counts":
        made += ["--flux", "counts"]
    elif "flux_given" in values:
        made += ["--flux", quantity(values, "flux_given")]
    if "mu_given" in values:
        made += ["--mu", _absorption(values)]
    elif values["formula"] != "none":
        made += ["--formula", str(values["formula"])]
    if "density" in values:
        made += ["--density", quantity(values, "density")]
    if "beam_diameter" in values:
        made += ["--beam", quantity(values, "beam_diameter")]
    return tuple(made)


def _absorption(values: Values) -> str:
    unit = values["mu_given@units"]
    given = [f"{float(one)!r} {unit}" for one in np.ravel(np.asarray(values["mu_given"]))]
    if "mu_energy" not in values:
        return given[0]
    energies = np.ravel(np.asarray(values["mu_energy"]))
    return ", ".join(f"{float(energy)!r} eV: {text}" for energy, text in zip(energies, given, strict=True))


_COMMANDS: Mapping[str, Callable[[Values, Words], Words]] = {
    "reconstruct": _reconstruct, "flatten": _flatten, "stack": _stack, "align": _align, "register": _register,
    "normalize": _normalize, "grainmap": _grainmap, "frc": _frc, "dose": _dose,
}  # fmt: skip

# How many of a step's inputs are what it works on; None for all that are entries.
_MAIN: Mapping[str, int | None] = {
    "reconstruct": 1, "flatten": 1, "stack": None, "align": 1, "register": 1, "normalize": 1, "grainmap": 1, "frc": 2,
    "dose": None,
}  # fmt: skip


def main_of(step: Step) -> int | None:
    """How many of a step's inputs are what it works on; None for all that are entries."""
    count = _MAIN.get(step.command)
    return count if count is None else int(np.asarray(step.parameters.get("scans.count", count)))


def device_of(step: Step) -> str | None:
    """The device on which a reconstruction ran."""
    found = step.parameters.get("device")
    return None if found is None else str(found)
