"""Rules on values that hold for every entry: polarisation, times, plausible energies, axes, stages, names."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from picpxct_nx import provenance
from picpxct_nx.validation.tree import nx_class, plain
from picpxct_nx.validation.view import Array, Found, View

STOKES = "instrument/beam/incident_polarization_stokes"
ENERGY = "instrument/beam/incident_energy"
# Rounding of a Stokes vector in float32, and of one that was written with four digits.
_ROUNDED = 1e-3
# Clocks of two machines differ by less.
CLOCKS = timedelta(days=1)
_LEAST_EV, _MOST_EV = 100.0, 200e3
_EVEN = 1e-3
# Stages that a product reaches only by a command of ours, and that command.
_COMMANDS = {"flattened": "flatten", "aligned": "align", "registered": "register"}


def stokes_bound(view: View) -> Found:
    """Q^2 + U^2 + V^2 <= I^2 and I > 0."""
    found = view.array(STOKES)
    for row, (i, q, u, v) in enumerate(_rows(found)):
        if not i > 0:
            yield STOKES, f"row {row} has I = {i:.4g}; wanted 1"
        elif not np.sqrt(q**2 + u**2 + v**2) <= i * (1 + _ROUNDED):
            text = f"row {row} has a purity of {np.sqrt(q**2 + u**2 + v**2) / i:.4g}"
            yield STOKES, f"{text}; wanted Q^2 + U^2 + V^2 at most I^2"


def stokes_scale(view: View) -> Found:
    """I = 1."""
    for row, (i, *_) in enumerate(_rows(view.array(STOKES))):
        if i > 0 and abs(i - 1) > _ROUNDED:
            yield STOKES, f"row {row} has I = {i:.4g}; wanted 1: divide the vector by it"


def _rows(found: Array | None) -> list[tuple[float, float, float, float]]:
    return [] if found is None or found.ndim != 2 else [tuple(map(float, row)) for row in found]  # type: ignore[misc]


def time_order(view: View) -> Found:
    """The measurement ends after it began."""
    start, end = moment(view.text("start_time")), moment(view.text("end_time"))
    if start is not None and end is not None and end < start:
        yield "end_time", f"is {end.isoformat()}, before start_time {start.isoformat()}; are they swapped?"


def time_future(view: View) -> Found:
    """No time lies in the future."""
    latest = datetime.now(UTC) + CLOCKS
    for path in ("start_time", "end_time", *(f"{step}/date" for step in _steps(view))):
        when = moment(view.text(path))
        if when is not None and when > latest:
            yield path, f"is {when.isoformat()}, in the future; was a clock wrong?"


def newest_step(view: View) -> Found:
    """The newest step ran after all others."""
    dates = {step: when for step in _steps(view) if (when := moment(view.text(f"{step}/date"))) is not None}
    *earlier, newest = sorted(dates) or [""]
    for step in earlier:
        if dates[step] > dates[newest] + CLOCKS:
            yield f"{newest}/date", f"is before the date of {step}; was a clock wrong, or is the history mixed up?"
            return


def moment(text: str | None) -> datetime | None:
    """The moment that a text names in ISO 8601, or None where it names none or lacks the zone."""
    try:
        when = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return when if when.tzinfo is not None else None


def _steps(view: View) -> list[str]:
    return sorted(n for n, m in view.entry.members.items() if m.is_group and nx_class(m) == "NXprocess")


def energy_plausible(view: View) -> Found:
    """Photon energies lie between 100 eV and 200 keV."""
    for path in (ENERGY, "instrument/monochromator/energy", "edge_energy"):
        found = view.array(path)
        known = np.empty(0) if found is None else found[np.isfinite(found)]
        wrong = known[(known < _LEAST_EV) | (known > _MOST_EV)]
        if wrong.size:
            yield path, f"is {wrong[0]:.6g} eV; wanted 100 eV to 200 keV: are eV and keV mixed up?"


def text_blank(view: View) -> Found:
    """Title, sample, beamline and facility have names."""
    for path in ("title", "sample/name", "instrument/name", "instrument/source/name"):
        text = view.text(path)
        if text is not None and not text.strip():
            yield path, "is empty; wanted a name that a stranger can ask for"


def axes_of(view: View) -> Iterator[str]:
    """Paths of the axes with a unit of every NXdata of the entry; each object once."""
    seen: set[int] = set()
    for name, group in sorted(view.entry.members.items()):
        axes = plain(group.attributes.get("axes", ()))
        if group.is_group and nx_class(group) == "NXdata" and isinstance(axes, tuple):
            for path in (f"{name}/{axis}" for axis in axes):
                item, _ = view.fields.get(path, (None, None))
                if item is not None and id(item) not in seen and len(item.shape) == 1:
                    seen.add(id(item))
                    yield path


def axis_order(view: View) -> Found:
    """An axis rises or falls strictly."""
    for path in axes_of(view):
        # Energies have a rule of their own; polarisations stand in the order of the measurement.
        if path.endswith(("/energy", "/polarization_angle")):
            continue
        steps = np.diff(_finite(view.array(path)))
        if steps.size and not ((steps > 0).all() or (steps < 0).all()):
            first = int(np.argmax(steps * np.sign(steps.sum() or 1) <= 0))
            yield path, f"turns back or stands still after element {first}; wanted strictly rising or falling"


def axis_even(view: View) -> Found:
    """Rows and columns of an image are evenly spaced."""
    for path in axes_of(view):
        steps = np.diff(_finite(view.array(path)))
        if path.endswith(("/y", "/x")) and steps.size and np.ptp(steps) > _EVEN * np.abs(steps).mean():
            text = f"has steps of {steps.min():.6g} to {steps.max():.6g} m; wanted pixels of one size"
            yield path, text


def _finite(values: Array | None) -> Array:
    """The values, or none where one of them is not finite, which is told elsewhere."""
    return values if values is not None and np.isfinite(values).all() else np.empty(0)


def stage_history(view: View) -> Found:
    """A stage that only a command of ours reaches has a step of that command in the history."""
    wanted = _COMMANDS.get(view.text("stage") or "")
    steps = _steps(view)
    ours = bool(steps) and view.text(f"{steps[-1]}/program") == provenance.PROGRAM
    commands = {word for step in steps for word in (view.text(f"{step}/command") or "").split()[:2]}
    if wanted and ours and wanted not in commands:
        yield "stage", f"is {view.text('stage')}, but no step of the history is '{wanted}'; run picpxct {wanted}"


def polarization(view: View) -> Found:
    """The angle of the polarisation is atan2(U, Q) / 2 less the rotation of the sample, modulo pi."""
    stokes, rotation = view.array(STOKES), view.array("sample/rotation_angle")
    for path in ("cube/polarization_angle", "xanes/polarization_angle", "dichroism/polarization_angle"):
        angle = view.array(path)
        if angle is None or stokes is None or rotation is None:
            continue
        linear = np.hypot(stokes[:, 1], stokes[:, 2]) > _ROUNDED * np.abs(stokes[:, 0])
        wanted = np.arctan2(stokes[:, 2], stokes[:, 1]) / 2 - rotation
        apart = np.abs((angle - wanted + np.pi / 2) % np.pi - np.pi / 2)
        for row in np.flatnonzero(linear & (apart > _ROUNDED)):
            text = f"element {row} is {angle[row]:.4f} rad; Stokes vector and rotation make it"
            yield path, f"{text} {wanted[row] % np.pi:.4f} rad"
