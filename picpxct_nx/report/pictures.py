"""Pictures: ring correlation curves and images of reconstructions, as PNG, PDF or SVG."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from picpxct_nx.errors import OutputError, UsageError
from picpxct_nx.records import FrcCurve, Reconstruction, polarization_angle
from picpxct_nx.values import Array

_ENDINGS = (".png", ".pdf", ".svg")
# Outside of this part of the strongest light an object is noise and is not shown.
_LEAST_COVERAGE = 0.05


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    # Without pyplot: no window, no global state.
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Any, path: Path) -> None:
    """Write a figure; the ending of the name says the format.

    Raises
    ------
    UsageError
        The ending is none of .png, .pdf, .svg.
    OutputError
        The folder is not there, or the file cannot be written.
    """
    check_ending(path)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise OutputError(f"{path}: the picture cannot be written ({error.strerror})") from None


def check_ending(path: Path) -> None:
    """Refuse a picture of a kind that cannot be drawn.

    Raises
    ------
    UsageError
        The ending is none of .png, .pdf, .svg.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise UsageError(f"{path}: cannot draw '{path.suffix}'; wanted one of {', '.join(_ENDINGS)}")


def draw_frc(record: FrcCurve, path: Path) -> None:
    """Draw a ring correlation with its threshold and where they cross."""
    save(frc_figure(record), path)


def frc_figure(record: FrcCurve) -> Any:
    """The figure of a ring correlation with its threshold and where they cross."""
    figure = _figure(6, 4)
    axes = figure.subplots()
    rings = with_power(record.spatial_frequency)
    frequency = record.spatial_frequency[rings] * 1e-6
    axes.plot(frequency, record.correlation[rings], label=record.image)
    axes.plot(frequency, record.threshold[rings], "--", label=record.threshold_name)
    if record.half_period is not None:
        label = f"half period {record.half_period * 1e9:.1f} nm"
        axes.axvline(0.5e-6 / record.half_period, color="0.6", lw=0.8, label=label)
    axes.set(xlabel="spatial frequency (1/um)", ylabel="correlation", ylim=(min(-0.1, record.correlation.min()), 1.05))
    axes.set_title(record.title, fontsize=9)
    axes.legend()
    return figure


def with_power(frequency: Array) -> slice:
    """The rings that are drawn: the first holds the mean, which was taken off, and correlates with nothing."""
    return slice(1 if len(frequency) > 1 and frequency[0] == 0 else 0, None)


def draw_reconstructions(records: Sequence[Reconstruction], path: Path) -> None:
    """Draw phase and modulus of reconstructions, one column each, on common scales."""
    figure = _figure(2.6 * len(records) + 0.8, 5)
    axes = figure.subplots(2, len(records), squeeze=False)
    images = [flat_on_border(record) for record in records]
    phases = [np.angle(image) for image in images]
    low = min(float(np.nanpercentile(phase, 1)) for phase in phases)
    for column, (record, image, phase) in enumerate(zip(records, images, phases, strict=True)):
        extent = _extent(record)
        upper = axes[0, column].imshow(phase, cmap="viridis", vmin=low, vmax=0.1, origin="lower", extent=extent)
        lower = axes[1, column].imshow(np.abs(image), cmap="gray", vmin=0.7, vmax=1.05, origin="lower", extent=extent)
        angle = np.rad2deg(polarization_angle(record.stokes, record.rotation))
        axes[0, column].set_title(f"{record.energy_ev:.1f} eV, {angle:.0f} deg", fontsize=9)
        for axis in axes[:, column]:
            axis.tick_params(labelsize=7)
    axes[1, 0].set(xlabel="x (um)", ylabel="y (um)")
    figure.colorbar(upper, ax=axes[0], label="phase (rad)")
    figure.colorbar(lower, ax=axes[1], label="modulus")
    save(figure, path)


def _extent(record: Reconstruction) -> tuple[float, float, float, float]:
    return record.x[0] * 1e6, record.x[-1] * 1e6, record.y[0] * 1e6, record.y[-1] * 1e6


def flat_on_border(record: Reconstruction) -> Array:
    """Transmission for a picture: scale and linear phase from the rim of the well-lit field, NaN where it is dark.

    Only for looking at: `flatten` is the command that measures air and stores what it did.
    """
    image = np.asarray(record.transmission, np.complex128)
    coverage = np.ones(image.shape) if record.coverage is None else np.asarray(record.coverage, np.float64)
    lit = (coverage > _LEAST_COVERAGE * coverage.max()) & np.isfinite(image)
    if not lit.any():
        return np.full(image.shape, np.nan, np.complex128)
    rim = lit & (coverage <= np.quantile(coverage[lit], 0.35))
    for axis in (0, 1):
        slope = _slope(np.moveaxis(image, axis, 0), np.moveaxis(rim, axis, 0))
        steps = np.exp(-1j * slope * np.arange(image.shape[axis]))
        image = image * (steps[:, None] if axis == 0 else steps[None, :])
    air = complex(np.mean(image[rim]))
    return np.where(lit, image / (air or 1.0), np.nan)


def _slope(image: Array, known: Array) -> float:
    """Mean phase step from one row to the next, where both are known."""
    both = known[1:] & known[:-1]
    return float(np.angle(np.sum((image[1:] * image[:-1].conj())[both])))
