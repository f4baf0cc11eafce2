"""Pictures of grain maps: dichroism of two polarisations in two colours, directions of the axis, and the grains."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from picpxct_nx.errors import UsageError
from picpxct_nx.records import GrainMap
from picpxct_nx.report.pictures import check_ending, save
from picpxct_nx.values import Array

# Colours of the first and the second polarisation where the axis lies along them. In CAM02-UCS they lie 70/28/50/70,
# 88/63/78/69 and 65/64/57/53 apart for normal sight, deuteranopia, protanopia and tritanopia.
PALETTES: dict[str, tuple[Array, Array]] = {
    "cyan-magenta": (np.array([0.0, 1.0, 1.0]), np.array([1.0, 0.0, 1.0])),
    "green-magenta": (np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 1.0])),
    "blue-orange": (np.array([0.0, 0.447, 0.698]), np.array([0.902, 0.624, 0.0])),
}
# Ends of a colour scale, as parts of the usable pixels; the ground of a picture; pixels of a legend a side.
_ENDS, _GROUND, _LEGEND = (0.02, 0.98), np.array([0.13, 0.13, 0.13]), 128
# Lengths that a scale bar may have, in um, and the longest part of the picture that it takes.
_BARS_UM, _BAR_PART = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0), 0.3
# Rim around the grains that is shown, as part of their extent; height of a picture in inches.
_RIM, _HEIGHT = 0.06, 4.2


def check(palette: str, path: Path | None) -> None:
    """Refuse a palette that there is not, and a kind of picture that cannot be drawn, before any work is done.

    Raises
    ------
    UsageError
        The name or the ending is not known.
    """
    if palette not in PALETTES:
        raise UsageError(f"--palette '{palette}' is not known; wanted one of {', '.join(PALETTES)}")
    if path is not None:
        check_ending(path)


def path_of(path: Path, maps: Sequence[GrainMap]) -> Path:
    """Where the picture of the newest map goes: the first to the path itself, others with their entry's name."""
    return path if len(maps) == 1 else path.with_stem(f"{path.stem}_{maps[-1].entry}")


def composite(first: Array, second: Array, palette: str) -> Array:
    """Two maps with values 0 to 1 in two colours added to each other, (..., 3) sRGB; NaN is the dark ground."""
    colours = PALETTES[palette]
    a, b = (np.clip(np.nan_to_num(values), 0, 1)[..., None] for values in (first, second))
    known = (np.isfinite(first) & np.isfinite(second))[..., None]
    return np.where(known, np.clip(a * colours[0] + b * colours[1], 0, 1), _GROUND)


def draw_grains(record: GrainMap, palette: str, path: Path) -> None:
    """Draw a grain map: the composite of two polarisations, and the direction of the axis where it is known.

    The two polarisations are those nearest to a right angle. Outlines and numbers are those of the grains; every panel
    has its own two-dimensional legend, and the scale is a bar.

    Raises
    ------
    UsageError
        The palette or the kind of picture is not known.
    OutputError
        The picture cannot be written.
    """
    from matplotlib.figure import Figure

    check(palette, path)
    window = _window(record)
    panels = 1 if record.mirror_ambiguous else 2
    aspect = (window[1].stop - window[1].start) / (window[0].stop - window[0].start)
    figure = Figure(
        figsize=(panels * (_HEIGHT * float(np.clip(aspect, 0.5, 2.0)) + 2.1), _HEIGHT), layout="constrained"
    )
    axes = figure.subplots(1, 2 * panels, squeeze=False, width_ratios=[aspect * 2.6, 1] * panels)[0]
    _draw_composite(axes[0], axes[1], record, palette, window)
    if panels == 2:
        _draw_directions(axes[2], axes[3], record, window)
    figure.suptitle(f"{record.title}: {len(record.grain_id)} grains, {record.signal_name}", fontsize=9)
    save(figure, path)


def _window(record: GrainMap) -> tuple[slice, slice]:
    """Rows and columns around the grains, with a rim."""
    ends = []
    for axis in (1, 0):
        there = np.flatnonzero((record.label > 0).any(axis=axis))
        size = record.label.shape[1 - axis]
        first, last = (int(there[0]), int(there[-1])) if there.size else (0, size - 1)
        rim = max(2, round(_RIM * (last - first + 1)))
        ends.append(slice(max(0, first - rim), min(size, last + rim + 1)))
    return ends[0], ends[1]


def square_pair(angle: Array) -> tuple[int, int]:
    """The two polarisations that are nearest to a right angle, the one nearer to x first."""
    sine = np.abs(np.sin(angle[:, None] - angle))
    first, second = (int(i) for i in np.unravel_index(np.argmax(sine), sine.shape))
    return (first, second) if abs(np.cos(angle[first])) >= abs(np.cos(angle[second])) else (second, first)


def _draw_composite(main: Any, legend: Any, record: GrainMap, palette: str, window: tuple[slice, slice]) -> None:
    pair = square_pair(record.polarization_angle)
    maps = record.signal[list(pair)].astype(np.float64)
    if record.background is not None and record.amplitude is not None:
        low, high = record.background, record.background + record.amplitude
    else:
        low, high = (float(end) for end in np.nanquantile(maps, _ENDS))
    first, second = (maps - low) / (high - low)
    _show(main, composite(first, second, palette)[window], record, window)
    ramp = np.linspace(0, 1, _LEGEND)
    legend.imshow(composite(ramp[None, :].repeat(_LEGEND, 0), ramp[:, None].repeat(_LEGEND, 1), palette),
                  origin="lower", extent=(low, high, low, high))  # fmt: skip
    # What an axis in the plane shows; tilted ones lie between it and the dark corner.
    turn, purity = np.linspace(0, np.pi, 181), np.hypot(record.stokes[:, 1], record.stokes[:, 2]) / record.stokes[:, 0]
    shown = [
        low + (high - low) * (1 + purity[index] * np.cos(2 * (turn - record.polarization_angle[index]))) / 2
        for index in pair
    ]
    legend.plot(*shown, color="black", lw=0.9, ls=":")
    names = [f"signal, E at {np.rad2deg(record.polarization_angle[index]):.0f} deg" for index in pair]
    legend.set_xlabel(names[0], fontsize=7)
    legend.set_ylabel(names[1], fontsize=7)
    legend.tick_params(labelsize=6)
    legend.set_xticks([low, high], [f"{low:.2g}", f"{high:.2g}"])
    legend.set_yticks([low, high], [f"{low:.2g}", f"{high:.2g}"])
    legend.set_title("dotted: axis in plane;\ndarker: tilted", fontsize=7)


def _draw_directions(main: Any, legend: Any, record: GrainMap, window: tuple[slice, slice]) -> None:
    """Direction of the axis in a cyclic scale whose ends differ in lightness for every kind of sight."""
    _show(main, direction_colours(record.orientation)[window], record, window)
    y, x = np.mgrid[-1 : 1 : _LEGEND * 1j, -1 : 1 : _LEGEND * 1j]
    radius = np.hypot(x, y)
    disc = direction_colours(np.arctan2(y, x) % np.pi)
    alpha = ((radius <= 1) & (radius > 0.35)).astype(float)
    legend.imshow(np.dstack([disc, alpha]), origin="lower", extent=(-1, 1, -1, 1))
    for angle, across, along in ((0, "left", "center"), (45, "left", "bottom"), (90, "center", "bottom"),
                                 (135, "right", "bottom")):  # fmt: skip
        turn = np.deg2rad(angle)
        legend.text(1.08 * np.cos(turn), 1.08 * np.sin(turn), f"{angle}", ha=across, va=along, fontsize=7)
    legend.set(xlim=(-1.5, 1.5), ylim=(-1.2, 1.5))
    legend.set_aspect("equal")
    legend.set_axis_off()
    legend.set_title("direction of the axis\nfrom x towards y (deg)", fontsize=7)


def direction_colours(angle: Array) -> Array:
    """Directions as colours of a cyclic scale, (..., 3) sRGB; NaN is the dark ground."""
    from matplotlib import colormaps

    colour = colormaps["twilight"](np.nan_to_num(angle) / np.pi % 1)[..., :3]
    return np.asarray(np.where(np.isfinite(angle)[..., None], colour, _GROUND))


def _show(axes: Any, image: Array, record: GrainMap, window: tuple[slice, slice]) -> None:
    """An image of the window in micrometres with the outlines and numbers of the grains and a scale bar."""
    y, x = record.y[window[0]] * 1e6, record.x[window[1]] * 1e6
    step_y, step_x = ((axis[-1] - axis[0]) / (len(axis) - 1) for axis in (y, x))
    extent = (x[0] - step_x / 2, x[-1] + step_x / 2, y[0] - step_y / 2, y[-1] + step_y / 2)
    axes.imshow(image, origin="lower", extent=extent, interpolation="nearest")
    label = record.label[window]
    axes.add_collection(_outlines(label, (y[0], step_y), (x[0], step_x)))
    _number(axes, label, y, x)
    scale_bar(axes, extent)
    axes.set_axis_off()


def _outlines(label: Array, y: tuple[float, float], x: tuple[float, float]) -> Any:
    """Lines along the pixel edges between different labels; axes as first coordinate and step."""
    from matplotlib.collections import LineCollection

    row, column = np.nonzero(label[1:] != label[:-1])
    edge = y[0] + (row + 0.5) * y[1]
    left, right = (x[0] + (column + side) * x[1] for side in (-0.5, 0.5))
    flat = np.stack([np.stack([left, edge], 1), np.stack([right, edge], 1)], 1)
    row, column = np.nonzero(label[:, 1:] != label[:, :-1])
    edge = x[0] + (column + 0.5) * x[1]
    low, high = (y[0] + (row + side) * y[1] for side in (-0.5, 0.5))
    upright = np.stack([np.stack([edge, low], 1), np.stack([edge, high], 1)], 1)
    return LineCollection([*flat, *upright], colors="white", linewidths=0.7)


def _number(axes: Any, label: Array, y: Array, x: Array) -> None:
    """The number of every grain where it is widest, smaller where that is narrow."""
    from matplotlib.patheffects import withStroke

    for number in np.unique(label[label > 0]):
        # One pixel more on every side, so that grains at the border have an end there.
        depth = ndimage.distance_transform_edt(np.pad(label == number, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(np.argmax(depth), depth.shape)
        size = float(np.clip(160 * depth.max() / max(label.shape), 4, 8))
        stroke = [withStroke(linewidth=1.5, foreground="black")]
        axes.text(x[column], y[row], str(number), color="white", fontsize=size, ha="center", va="center",
                  path_effects=stroke)  # fmt: skip


def scale_bar(axes: Any, extent: tuple[float, float, float, float]) -> None:
    """A white bar with its length, below the picture where nothing is hidden."""
    left, right, low, high = extent
    width, height = abs(right - left), abs(high - low)
    length = max((bar for bar in _BARS_UM if bar <= _BAR_PART * width), default=_BARS_UM[0])
    start, below = min(left, right), min(low, high) - 0.04 * height
    axes.plot([start, start + length], [below, below], color="black", lw=2.5, solid_capstyle="butt")
    axes.text(start + length + 0.02 * width, below, f"{length:g} um", ha="left", va="center", fontsize=7)
    axes.set(xlim=(min(left, right), max(left, right)), ylim=(below - 0.05 * height, max(low, high)))
