"""Pictures of real images: panels side by side with a scale bar, a colour bar with its unit, and a title."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from picpxct_nx.report.grain_pictures import scale_bar
from picpxct_nx.values import Array

# What lies outside is shown in the colour of the end: single hot pixels would take all the range.
_ENDS = (0.5, 99.5)
_MAPS = {"modulus": "gray", "intensity": "gray", "orientation": "twilight"}
# Numbers that only name something: each has a colour of its own, as far as that goes.
_NAMES = ("grain", "mask")
# Not a colour of any of these maps, so that what is not known cannot be taken for a value.
_UNKNOWN = "#d9c7a8"
# A pixel of the image is one of the picture at least, up to this many a side.
_DPI, _LEAST, _MOST = 150, 3.0, 14.0
_LETTERS_PER_INCH = 16


@dataclass(frozen=True)
class Panel:
    """One image (h, w) to show: what it is, and what stands at its colour bar."""

    name: str
    label: str
    image: Array


def draw_images(
    panels: Sequence[Panel], y: Array, x: Array, title: str, sink: Path | BinaryIO, origin: str = ""
) -> None:
    """Draw images on the grid y (h,), x (w,) in m as a PNG: x to the right, y up; unknown pixels are sand-coloured.

    `origin` is stored as the picture's description.
    """
    from matplotlib.figure import Figure

    height = float(np.clip(len(y) / _DPI, _LEAST, _MOST))
    width = float(np.clip(height * len(x) / len(y), _LEAST / 2, 2 * _MOST))
    figure = Figure(figsize=(len(panels) * (width + 1.1), height + 0.7), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for place, panel in zip(axes, panels, strict=True):
        _draw(figure, place, panel, y, x)
    wide = int(_LETTERS_PER_INCH * figure.get_figwidth())
    lines = [part for line in title.splitlines() for part in textwrap.wrap(line, wide)]
    figure.suptitle("\n".join(lines), fontsize=8)
    figure.savefig(sink, format="png", dpi=_DPI, metadata={"Title": lines[0] if lines else "", "Description": origin})


def _draw(figure: Any, place: Any, panel: Panel, y: Array, x: Array) -> None:
    from matplotlib import colormaps

    low, high = limits(panel)
    if panel.name in _NAMES:
        colours = colormaps["tab20" if high - low <= 20 else "turbo"].resampled(round(high - low))
    else:
        colours = colormaps[_MAPS.get(panel.name, "viridis")]
    colours = colours.with_extremes(bad=_UNKNOWN)
    dy, dx = ((axis[-1] - axis[0]) / max(1, len(axis) - 1) for axis in (y, x))
    extent = tuple(1e6 * float(end) for end in (x[0] - dx / 2, x[-1] + dx / 2, y[0] - dy / 2, y[-1] + dy / 2))
    values = np.asarray(panel.image, np.float64)
    # Label 0 is no grain.
    shown = np.ma.masked_invalid(np.where(values == 0, np.nan, values) if panel.name == "grain" else values)
    picture = place.imshow(
        shown, cmap=colours, vmin=low, vmax=high, origin="lower", extent=extent, interpolation="nearest"
    )
    place.set_axis_off()
    place.set_title(panel.label, fontsize=8)
    scale_bar(place, (extent[0], extent[1], extent[2], extent[3]))
    figure.colorbar(picture, ax=place, shrink=0.85).ax.tick_params(labelsize=7)


def limits(panel: Panel) -> tuple[float, float]:
    """Ends of the colour scale: half a percent of the pixels lies beyond each; a direction turns once, 0 to pi."""
    if panel.name == "orientation":
        return 0.0, float(np.pi)
    known = np.asarray(panel.image, np.float64)
    known = known[np.isfinite(known)]
    if not known.size:
        return 0.0, 1.0
    if panel.name in _NAMES:
        first = max(1.0, float(known.min())) if panel.name == "grain" else float(known.min())
        return first - 0.5, max(first, float(known.max())) + 0.5
    low, high = (float(end) for end in np.percentile(known, _ENDS))
    return (low, high) if high > low else (low - 0.5, low + 0.5)
