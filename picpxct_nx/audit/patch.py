"""A correction of a scan's geometry as a small TOML file: what an audit writes and `picpxct amend` applies."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from picpxct_nx import __version__, provenance, units
from picpxct_nx.audit.audit import MOST, Audit
from picpxct_nx.audit.orientation import AS_RECORDED, Orientation, parse
from picpxct_nx.errors import InputError, UnitError, UsageError

TRUSTED = ("frames", "stage")

_HEAD = """\
# Correction of a scan's geometry by picpxct audit.
#     picpxct amend SCAN... --patch THIS_FILE -o amended/
# makes corrected scans of those that were imported as the audited one was.
"""


@dataclass(frozen=True)
class Patch:
    """What to correct: orientations of the stage's axes and of the frames, lengths, and the sign of the defocus.

    `distance` is in m, None where it stays; `axes` is the --axes of the import of the audited scan, None where it is
    not known.
    """

    stage: Orientation = AS_RECORDED
    frames: Orientation = AS_RECORDED
    stage_scale: float = 1.0
    distance: float | None = None
    reverse_defocus: bool = False
    axes: str | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to correct."""
        return self == Patch(axes=self.axes)


def of(audit: Audit, trust: str = "frames") -> Patch:
    """The correction that an audit asks for; the frames, or the stage, are left as they are.

    Raises
    ------
    UsageError
        `trust` is neither frames nor stage.
    InputError
        The audit did not decide.
    """
    check_trust(trust)
    if not audit.decided:
        raise InputError(f"{audit.entry}: the audit is undecided, so there is no correction; see what it says")
    turned = {"stage": audit.stage} if trust == "frames" else {"frames": audit.frames_turn}
    scale = 1.0 if audit.stage_scale is None else audit.stage_scale.factor
    return Patch(
        **turned, stage_scale=scale, distance=audit.distance, reverse_defocus=audit.defocus_reversed, axes=audit.axes
    )


def check_trust(trust: str) -> None:
    """Refuse a word that --trust does not know."""
    if trust not in TRUSTED:
        raise UsageError(f"--trust '{trust}': wanted {' or '.join(TRUSTED)}")


def as_toml(audit: Audit, patch: Patch) -> str:
    """Text of a patch file."""
    amend: dict[str, Any] = {"stage": str(patch.stage), "frames": str(patch.frames)}
    if patch.stage_scale != 1.0:
        amend["stage_scale"] = round(patch.stage_scale, 4)
    if patch.distance is not None:
        amend["distance"] = f"{patch.distance:.6g} m"
    if patch.reverse_defocus:
        amend["reverse_defocus"] = True
    told: dict[str, Any] = {
        "entry": audit.entry, "entry_uuid": audit.uuid, "verdict": audit.verdict,
        "confidence": round(min(audit.confidence, MOST), 4), "program": f"{provenance.PROGRAM} {__version__}",
        "date": provenance.now(),
    }  # fmt: skip
    parts = [_HEAD, _table("amend", amend)]
    if patch.axes is not None:
        told["axes"] = patch.axes
        note = "# For further imports, in ./picpxct.toml or on the command line of picpxct import.\n"
        parts.append(note + _table("import", {"axes": corrected_axes(patch.axes, patch)}))
    return "\n".join([*parts, _table("audit", told)])


def corrected_axes(axes: str, patch: Patch) -> str:
    """The --axes of an import, `stage:+x,+y:um;frames:+y,+x`, with the patch's orientations in it."""
    found = []
    for part in axes.split(";"):
        what, directions, *unit = part.split(":")
        turn = patch.frames if what == "frames" else patch.stage
        found.append(":".join([what, ",".join(turn.direction(d) for d in directions.split(",")), *unit]))
    return ";".join(found)


def _table(name: str, values: dict[str, Any]) -> str:
    lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def read(text: str, name: str) -> Patch:
    """The patch that a file holds; one written by hand needs its [amend] only.

    Raises
    ------
    InputError
        It is no TOML, has no [amend], or a key or value there is not known.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: is no TOML ({error}); wanted what picpxct audit -o writes") from None
    amend, told = tables.get("amend"), tables.get("audit", {})
    if not isinstance(amend, dict):
        raise InputError(
            f"{name}: has no [amend]; wanted what picpxct audit -o writes, or a line such as stage='-y,+x'"
        )
    unknown = sorted(set(amend) - _READERS.keys())
    if unknown:
        raise InputError(f"{name}: [amend] {unknown[0]} is not known; wanted {', '.join(_READERS)}")
    try:
        values = {key: _READERS[key](value) for key, value in amend.items()}
    except (UsageError, UnitError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{name}: [amend]: {error}") from None
    axes = told.get("axes") if isinstance(told, dict) else None
    return Patch(**values, axes=None if axes is None else str(axes))


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError(f"stage_scale = {value!r}; wanted a number above 0")
    return float(value)


def _length(value: Any) -> float:
    found = units.quantity(str(value), "m")
    if not 0 < found < float("inf"):
        raise ValueError(f"distance = {value!r}; wanted a length above 0")
    return found


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"reverse_defocus = {value!r}; wanted true or false")
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "stage": lambda value: parse(str(value), "stage"),
    "frames": lambda value: parse(str(value), "frames"),
    "stage_scale": _positive,
    "distance": _length,
    "reverse_defocus": _truth,
}
