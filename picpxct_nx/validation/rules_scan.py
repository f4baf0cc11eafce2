"""Rules on the values of a raw scan: energies, geometry, optics, positions, mask, monitor, frames."""

from dataclasses import dataclass

import numpy as np

from picpxct_nx.validation.pixels import extremes
from picpxct_nx.validation.rules_entry import ENERGY
from picpxct_nx.validation.view import Array, Found, View

_DETECTOR, _ZONE_PLATE, _STAGES = "instrument/detector", "instrument/zone_plate", "sample/transformations"
FRAMES = f"{_DETECTOR}/data"
# Energies of encoder and offset are written with two decimals or more.
_ENERGY_EV = 0.01
_NEAREST, _FARTHEST = 1e-3, 100.0
_SMALLEST, _LARGEST = 1e-6, 1e-3
_LENGTHS = (
    ENERGY, "instrument/monochromator/energy", f"{_DETECTOR}/x_pixel_size", f"{_DETECTOR}/y_pixel_size",
    f"{_DETECTOR}/distance", f"{_DETECTOR}/count_time", f"{_ZONE_PLATE}/outer_diameter",
    f"{_ZONE_PLATE}/outermost_zone_width", "pixel_size", "half_period", "full_period", "ring_thickness",
    f"{_DETECTOR}/saturation_value",
)  # fmt: skip


def positive(view: View) -> Found:
    """Energies, pixels, distances and exposures are larger than zero."""
    for path in _LENGTHS:
        found = view.number(path)
        if found is not None and found <= 0:
            yield path, f"is {found:.6g}; wanted a number above zero"


def energy_offset(view: View) -> Found:
    """The photon energy is that of the monochromator plus its offset."""
    energy, encoder = view.number(ENERGY), view.number("instrument/monochromator/energy")
    offset = view.number("instrument/monochromator/energy_offset")
    if energy is None or encoder is None or offset is None:
        return
    if abs(energy - encoder - offset) > _ENERGY_EV:
        text = f"is {energy:.6g} eV; monochromator/energy {encoder:.6g} eV plus energy_offset {offset:.6g} eV"
        yield ENERGY, f"{text} make {encoder + offset:.6g} eV"


def distance(view: View) -> Found:
    """The detector stands between 1 mm and 100 m from the sample."""
    found = view.number(f"{_DETECTOR}/distance")
    if found is not None and found > 0 and not _NEAREST <= found <= _FARTHEST:
        yield f"{_DETECTOR}/distance", f"is {found:.4g} m; wanted 1 mm to 100 m: are m and mm mixed up?"


def pixel_size(view: View) -> Found:
    """A pixel of the detector is 1 um to 1 mm wide."""
    for path in (f"{_DETECTOR}/{axis}_pixel_size" for axis in "yx"):
        found = view.number(path)
        if found is not None and found > 0 and not _SMALLEST <= found <= _LARGEST:
            yield path, f"is {found:.4g} m; wanted 1 um to 1 mm: are m and um mixed up?"


def numbering(view: View) -> Found:
    """Frames are counted from 0, iterations upwards from 1."""
    for path in ("data/frame", "positions/frame"):
        found = view.array(path)
        if found is not None and (found < 0).any():
            yield path, f"holds {int(found.min())}; frames are counted from 0"
    found = view.array("convergence/iteration")
    if found is not None and found.size and not (found[0] > 0 and (np.diff(found) > 0).all()):
        yield "convergence/iteration", "does not rise from 1 or more; wanted the numbers of the iterations"


def beam_centre(view: View) -> Found:
    """The direct beam meets the detector."""
    shape = view.shape(FRAMES)
    for name, length in zip("yx", shape[1:], strict=False):
        centre, pixel = view.number(f"{_DETECTOR}/beam_center_{name}"), view.number(f"{_DETECTOR}/{name}_pixel_size")
        if centre is None or pixel is None or pixel <= 0:
            continue
        if not -0.5 <= centre / pixel <= length - 0.5:
            text = f"is {centre / pixel:.1f} pixels from the first of {length}; wanted a place on the detector"
            yield f"{_DETECTOR}/beam_center_{name}", text


def zone_plate(view: View) -> Found:
    """Outermost zone and central stop are smaller than the zone plate."""
    outer = view.number(f"{_ZONE_PLATE}/outer_diameter")
    for name in ("outermost_zone_width", "central_stop_diameter"):
        found = view.number(f"{_ZONE_PLATE}/{name}")
        if outer is not None and found is not None and found >= outer:
            text = f"is {found:.4g} m, as large as the zone plate ({outer:.4g} m); are the two swapped?"
            yield f"{_ZONE_PLATE}/{name}", text


def positions(view: View) -> Found:
    """The sample moved during the scan."""
    x, y = view.array(f"{_STAGES}/x"), view.array(f"{_STAGES}/y")
    if x is not None and y is not None and len(x) > 1 and np.ptp(x) == 0 and np.ptp(y) == 0:
        yield f"{_STAGES}/x", f"all {len(x)} positions are the same, and so along y; were the encoders read?"


def mask(view: View) -> Found:
    """The mask leaves good pixels."""
    found = mask_of(view)
    if found is not None and found.size and (found != 0).all():
        yield f"{_DETECTOR}/pixel_mask", "marks every pixel as bad; 0 is good: is it inverted?"


def mask_of(view: View) -> Array | None:
    """The pixel mask, read once."""
    path = f"{_DETECTOR}/pixel_mask"
    if not view.has(path):
        return None
    if "mask" not in view.facts:
        view.facts["mask"] = view.read(path, slice(None))
    return np.asarray(view.facts["mask"])


def monitor(view: View) -> Found:
    """The monitor saw the beam in every frame."""
    found = view.array("control/data")
    wrong = 0 if found is None else int(np.sum(~(found > 0)))
    if wrong:
        yield "control/data", f"is not above zero in {wrong} frames; a frame without beam says nothing"


@dataclass(frozen=True)
class _Frames:
    """What one pass over the frames found, in good pixels only."""

    negative: int
    unknown: int
    saturated: int
    saturation: float | None


def _frames(view: View) -> _Frames | None:
    """Least and largest count of every pixel over all frames: one pass, whatever is asked of them."""
    bad = mask_of(view)
    shape = view.shape(FRAMES)
    if bad is None or 0 in shape or bad.shape != shape[1:]:
        return None
    if "frames" not in view.facts:
        signed = np.dtype(view.fields[FRAMES][0].dtype).kind != "u"
        least, largest = extremes((view.borrow(FRAMES, part) for part in view.parts(FRAMES)), least=signed)
        view.facts["frames"] = _judge(largest, least, bad == 0, view.number(f"{_DETECTOR}/saturation_value"))
    return view.facts["frames"]  # type: ignore[no-any-return]


def _judge(largest: Array | None, least: Array | None, good: Array, saturation: float | None) -> _Frames:
    top = np.empty(0) if largest is None else largest[good]
    low = np.zeros(0) if least is None else least[good]
    limit = saturation if saturation is not None and saturation > 0 else None
    saturated = 0 if limit is None else int(np.sum(top >= limit))
    return _Frames(int(np.sum(low < 0)), int(np.sum(~np.isfinite(top))), saturated, limit)


def counts(view: View) -> Found:
    """Counts of good pixels are numbers, not negative."""
    found = _frames(view)
    if found is not None and found.unknown:
        yield FRAMES, f"{found.unknown} good pixels are not finite in some frame; mark them in pixel_mask"
    elif found is not None and found.negative:
        text = f"{found.negative} good pixels are negative in some frame; wanted counts: was a background subtracted?"
        yield FRAMES, text


def saturated(view: View) -> Found:
    """No good pixel reaches the saturation value."""
    found = _frames(view)
    if found is not None and found.saturated:
        text = f"{found.saturated} good pixels reach saturation_value ({found.saturation:.6g}) in some frame"
        yield FRAMES, f"{text}; mark them or attenuate the beam"
