"""Rules on the values of grain maps: the table says what the label image says, and angles are where they can be."""

from collections.abc import Iterator

import numpy as np

from picpxct_nx.validation.view import Array, Found, View

_LABEL = "orientation/label"
_SAME, _ROUNDED = 1e-3, 1e-5
# Two polarisations as far from a right angle as this have no mirror image that could be checked.
_SQUARE = 0.02
# Upper end of every quantity that cannot be less than zero.
_RANGES = {
    "orientation/orientation": np.pi, "grains/mean_orientation": np.pi, "grains/axis_angle": np.pi,
    "orientation/tilt": np.pi / 2, "orientation/confidence": 1.0, "grains/orientation_spread": np.pi / 2,
}  # fmt: skip


def _counts(view: View) -> dict[int, int] | None:
    """Number of pixels of every label above 0; None where one is negative."""
    counts: dict[int, int] = {}
    for part in view.parts(_LABEL):
        found, number = np.unique(view.read(_LABEL, part), return_counts=True)
        if found[0] < 0:
            return None
        for label, pixels in zip(found.tolist(), number.tolist(), strict=True):
            counts[label] = counts.get(label, 0) + pixels
    counts.pop(0, None)
    return counts


def table(view: View) -> Found:
    """Rows of the table are the labels of the image; area, pixels and diameter agree."""
    identity, pixels = view.array("grains/grain_id"), view.array("grains/pixels")
    if not view.has(_LABEL) or identity is None:
        return
    counts = _counts(view)
    if counts is None:
        yield _LABEL, "holds negative labels; wanted 0 for no grain, and numbers of grains"
        return
    rows = identity.tolist()
    if len(set(rows)) != len(rows) or set(rows) != set(counts):
        text = f"names {len(rows)} grains that are not the {len(counts)} labels of the image"
        yield "grains/grain_id", f"{text}; wanted each label above 0 once"
        return
    wanted = np.array([counts[row] for row in rows])
    if pixels is not None and not np.array_equal(pixels, wanted):
        row = int(np.argmax(pixels != wanted))
        yield "grains/pixels", f"is {pixels[row]} for grain {rows[row]}; the label image has {wanted[row]}"
    yield from _sizes(view, rows, wanted)


def _sizes(view: View, rows: list[int], pixels: Array) -> Found:
    y, x = view.array("orientation/y"), view.array("orientation/x")
    area, diameter = view.array("grains/area"), view.array("grains/equivalent_diameter")
    if y is None or x is None or len(y) < 2 or len(x) < 2 or area is None:
        return
    pixel = abs((y[-1] - y[0]) / (len(y) - 1) * (x[-1] - x[0]) / (len(x) - 1))
    wrong = ~(np.abs(area - pixels * pixel) <= _SAME * pixels * pixel)
    if wrong.any():
        row = int(np.argmax(wrong))
        text = f"is {area[row]:.4g} m^2 for grain {rows[row]}; its pixels make {pixels[row] * pixel:.4g} m^2"
        yield "grains/area", text
    elif diameter is not None:
        round_ = 2 * np.sqrt(area / np.pi)
        wrong = ~(np.abs(diameter - round_) <= _SAME * round_)
        if wrong.any():
            row = int(np.argmax(wrong))
            text = f"is {diameter[row]:.4g} m for grain {rows[row]}; a circle of its area has {round_[row]:.4g} m"
            yield "grains/equivalent_diameter", text


def _blocks(view: View, path: str) -> Iterator[Array]:
    if path in view.fields:
        yield from (view.read(path, part) for part in view.parts(path))


def ranges(view: View) -> Found:
    """Angles and confidences lie where they can be; with a mirror image, on the side that was agreed on."""
    for path, most in _RANGES.items():
        # NaN says that an angle is not known.
        wrong = sum(int(np.sum((b < -_ROUNDED) | (b > most + _ROUNDED))) for b in _blocks(view, path))
        if wrong:
            yield path, f"holds {wrong} numbers outside 0 to {most:.4g}; wanted them inside"
    middle = _middle(view)
    if middle is None:
        return
    for path in ("orientation/orientation", "grains/mean_orientation"):
        wrong = sum(int(np.sum(np.cos(2 * (b - middle)) < -_SQUARE)) for b in _blocks(view, path))
        if wrong:
            text = f"holds {wrong} directions more than pi/4 from {middle:.4f} rad, halfway between the polarisations"
            yield path, f"{text}; wanted their mirror images, as mirror_ambiguous says"


def _middle(view: View) -> float | None:
    """Direction halfway between two polarisations at a right angle, the one nearer to pi/4; None for others."""
    ambiguous, angle = view.array("mirror_ambiguous"), view.array("dichroism/polarization_angle")
    if ambiguous is None or not bool(ambiguous) or angle is None or len(angle) != 2:
        return None
    if abs(np.cos(angle[1] - angle[0])) > _SQUARE:
        return None
    quarter = float(angle[0] % (np.pi / 2))
    return quarter + np.pi / 4 if quarter < np.pi / 4 else quarter - np.pi / 4
