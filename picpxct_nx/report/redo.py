"""The command that makes a reconstruction again, from the parameters that its history holds."""

import shlex

import numpy as np

from picpxct_nx.provenance import Step
from picpxct_nx.records import Reconstruction
from picpxct_nx.values import Value

# Parameters that are options of their own, and parts of the model that always have parameters.
_OPTIONS = ("recipe", "modes", "frames", "seed", "also", "device")
_PARTS = frozenset({"stop", "probe", "object", "start"})
_SCANS = ("scans.share", "scans.drift")
# A limit of time depends on the machine, and is left out.
_TIME = "stop.time"
_NONE = "none"
# Stands for the raw scan where its file is not known; between the words of a command.
SCAN, _BREAK = "SCAN.nxs", " \\\n    "


def command_of(record: Reconstruction) -> str:
    """The shell command that reconstructs the same scan in the same way.

    Everything that was left to a default then is spelled out, so that a newer version with other defaults does the
    same; only engine parameters that the data chose are given as they fell.

    The raw scan is `SCAN`, and where the product goes is left out: `filled` knows both. Scans that shared its object or
    probe are OTHER_1.nxs and so on.
    """
    made = newest(record, "reconstruct")
    if made is None:
        return ""
    values = {name: _text(value) for name, value in made.parameters.items() if not name.endswith("@units")}
    scans = int(values.get("scans.count", "1"))
    words = [["picpxct", "reconstruct", SCAN, *(f"OTHER_{number}.nxs" for number in range(1, scans))]]
    words += [[f"--{name}", values[name]] for name in _OPTIONS if name in values]
    refined = values.get("refine", _NONE)
    words += [["--refine", refined]] if refined != _NONE else []
    words += [["--start", "PROBE.nxs"]] if len(made.inputs) > scans and not is_warm(made) else []
    parts = _PARTS | {part.partition(":")[0] for part in values.get("recipe", "").split(",")} | set(refined.split(","))
    for name, value in sorted(values.items()):
        of_part = name.partition(".")[0] in parts and "." in name and value != _NONE and name != _TIME
        if of_part or name in _SCANS:
            words.append(["--set", f"{name}={value}"])
    return _BREAK.join(map(shlex.join, words))


def filled(command: str, scan: str | None, target: str, *, overwrite: bool) -> str:
    """The command with the file of its raw scan, where that is known, and with the file to write."""
    if not command:
        return ""
    named = command if scan is None else command.replace(SCAN, shlex.quote(scan), 1)
    return named + _BREAK + shlex.join([*(["--overwrite"] if overwrite else []), "-o", target])


def is_warm(made: Step) -> bool:
    """Whether a reconstruction began with its neighbour in energy, which a command for one scan cannot repeat."""
    return "warm_shift" in made.parameters


def newest(record: Reconstruction, command: str) -> Step | None:
    """The last step of a history that ran a command."""
    return next((past for past in reversed(record.history) if past.command == command), None)


def _text(value: Value) -> str:
    """A parameter as the command line takes it."""
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    if array.ndim:
        return ",".join(_text(item) for item in array.tolist())
    item = array.item()
    return str(item).lower() if isinstance(item, bool) else str(item)
