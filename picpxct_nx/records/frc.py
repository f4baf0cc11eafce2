"""Ring correlation: a curve, and the resolution read from it."""

from dataclasses import dataclass

from picpxct_nx.records.base import Record, nx
from picpxct_nx.values import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class FrcCurve(Record):
    """Fourier ring correlation of two images and the resolution read from it (NXspecptycho_frc)."""

    DEFINITION = "NXspecptycho_frc"

    image: str = nx("image")
    threshold_name: str = nx("threshold_name")
    pixel_size: float = nx("pixel_size")
    taper_px: int = nx("taper")
    ring_thickness: int = nx("ring_thickness")
    shift_px: Array | None = nx("shift", None)  # (2,) y, x
    resolved: bool = nx("resolved")
    half_period: float | None = nx("half_period", None)
    full_period: float | None = nx("full_period", None)
    smoothed_half_period: float | None = nx("smoothed_half_period", None)
    smoothed_half_period_sigma: float | None = nx("smoothed_half_period_errors", None)
    unresolved: str | None = nx("unresolved", None)
    warnings: Array | None = nx("warnings", None)  # (k,) text
    correlation: Array = nx("frc/correlation")  # (rings,)
    threshold: Array = nx("frc/threshold")  # (rings,)
    spatial_frequency: Array = nx("frc/spatial_frequency")  # (rings,) 1/m
    samples: Array = nx("frc/samples")  # (rings,)
