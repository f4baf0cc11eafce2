"""The ring correlation of two reconstructions, as a record."""

from typing import Any, get_args

import numpy as np

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.images.frc import FrcOptions, RingCorrelation, frc
from picpxct_nx.images.frc_pair import Variant, common_field, same_pixel
from picpxct_nx.images.known import LEAST_COVERAGE
from picpxct_nx.provenance import Step
from picpxct_nx.records import FrcCurve, Reconstruction, Record
from picpxct_nx.values import Array, Value


def correlate(a: Reconstruction, b: Reconstruction, options: FrcOptions) -> RingCorrelation:
    """Fourier ring correlation of two reconstructions over the field that both know.

    Raises
    ------
    InputError
        The pixels are of different size, or not square, or the fields do not overlap.
    """
    sizes = [float(axis[1] - axis[0]) for record in (a, b) for axis in (record.y, record.x)]
    for record, (tall, wide) in zip((a, b), (sizes[:2], sizes[2:]), strict=True):
        if abs(tall / wide - 1) > 1e-6:
            raise InputError(
                f"{record.entry}: its pixels are {tall * 1e9:.4g} x {wide * 1e9:.4g} nm; wanted square ones; "
                "import the frames again with a square --crop"
            )
    first, second = (_known(record) for record in (a, b))
    side = min(*first.shape, *second.shape)
    pixel = same_pixel(sizes[0], sizes[2], side_px=side)
    field = common_field(first, second, pixel=pixel, origin_a=_origin(a), origin_b=_origin(b))
    return frc(field.a, field.b, pixel=pixel, options=options)


def _box(record: Reconstruction) -> tuple[slice, slice]:
    """The largest centred rectangle, of the shape of the whole, that was well lit."""
    shape = record.transmission.shape
    if record.coverage is None:
        return slice(0, shape[0]), slice(0, shape[1])
    lit = np.asarray(record.coverage) > LEAST_COVERAGE * np.max(record.coverage)
    rows, columns = np.nonzero(lit)
    middle = (round(float(rows.mean())), round(float(columns.mean())))
    half = 0
    reach = min(middle[0], middle[1], shape[0] - middle[0], shape[1] - middle[1])
    for size in range(1, reach + 1):
        if not lit[middle[0] - size : middle[0] + size, middle[1] - size : middle[1] + size].all():
            break
        half = size
    return slice(middle[0] - half, middle[0] + half), slice(middle[1] - half, middle[1] + half)


def _known(record: Reconstruction) -> Array:
    rows, columns = _box(record)
    return np.asarray(record.transmission)[rows, columns]


def _origin(record: Reconstruction) -> tuple[float, float]:
    rows, columns = _box(record)
    return float(record.y[rows.start]), float(record.x[columns.start])


def make_curve(a: Reconstruction, b: Reconstruction, curve: RingCorrelation, step: Step) -> FrcCurve:
    """The record of the ring correlation of two reconstructions."""
    record = FrcCurve(
        entry=f"frc_{a.entry}" if a.entry == b.entry else f"frc_{a.entry}_{b.entry}"[:63],
        title=f"Fourier ring correlation of {a.title}" if a.title == b.title else f"{a.title} and {b.title}",
        image=curve.image,
        threshold_name=curve.threshold_name,
        pixel_size=curve.pixel,
        taper_px=curve.taper_px,
        ring_thickness=curve.ring_thickness,
        shift_px=np.array(curve.shift_px),
        resolved=curve.half_period is not None,
        half_period=curve.half_period,
        full_period=curve.full_period,
        smoothed_half_period=curve.smoothed_half_period,
        smoothed_half_period_sigma=curve.smoothed_half_period_sigma,
        unresolved=curve.unresolved or None,
        warnings=np.array(curve.warnings, dtype=object) if curve.warnings else None,
        correlation=curve.correlation,
        threshold=curve.threshold,
        spatial_frequency=curve.spatial_frequency,
        samples=curve.samples,
        extra={
            "instrument/beam/incident_energy": a.energy_ev,
            "instrument/beam/incident_polarization_stokes": a.stokes,
        },
    )
    return record.assuming(a.assumed).made_by(step, (a, b))


def variant(name: str) -> Variant:
    """The image variant of that name.

    Raises
    ------
    UsageError
        There is none.
    """
    names: tuple[Variant, ...] = tuple(n for n in get_args(Variant) if n != "real")
    for known in names:
        if known == name:
            return known
    raise UsageError(f"--image '{name}' is not known; wanted one of {', '.join(names)}")


def parameters(options: FrcOptions, curve: RingCorrelation) -> dict[str, Value]:
    """Parameters of a ring correlation for the history, automatic choices as they fell."""
    return {
        "image": curve.image,
        "threshold": options.threshold,
        "taper": curve.taper_px,
        "taper@units": "pixel",
        "ring_thickness": curve.ring_thickness,
        "skip_rings": curve.skip_rings,
        "smooth_rings": curve.smooth_rings,
        "align": options.align,
        "ramp": options.ramp,
        "upsample": options.upsample,
        "least_coverage": LEAST_COVERAGE,
    }


def summary(record: Record) -> dict[str, Any]:
    """What `--json` prints of a ring correlation."""
    assert isinstance(record, FrcCurve)  # noqa: S101  # the command made it
    return {
        "entry": record.entry,
        "uuid": record.uuid,
        "image": record.image,
        "threshold": record.threshold_name,
        "resolved": record.resolved,
        "half_period_m": record.half_period,
        "full_period_m": record.full_period,
        "smoothed_half_period_m": record.smoothed_half_period,
        "smoothed_half_period_sigma_m": record.smoothed_half_period_sigma,
        "unresolved": record.unresolved,
        "pixel_m": record.pixel_size,
        "warnings": [] if record.warnings is None else [str(text) for text in record.warnings],
    }
