"""Cards: what the report keeps of each scan, small enough for a hundred of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from picpxct_nx.records import Reconstruction, Scan, polarization_angle
from picpxct_nx.report.pictures import flat_on_border
from picpxct_nx.report.pixels import binned, factor_for
from picpxct_nx.report.redo import command_of, is_warm, newest
from picpxct_nx.values import Array

# Longest side of the images that are kept, and of a probe, in pixels.
SIDE, PROBE_SIDE = 384, 96
# Modes of a probe that are shown.
_MODES = 6


@dataclass(frozen=True)
class Plan:
    """A raw scan: to be reconstructed, or already done."""

    entry: str
    uuid: str
    file: str
    energy_ev: float
    angle: float  # rad
    rotation: float  # rad
    position: Array  # (n, 2) centre of the probe on the sample, y, x, m


@dataclass(frozen=True)
class Card:
    """A reconstruction: small pictures and the numbers that tell whether it is good."""

    entry: str
    title: str
    sample: str
    file: str
    uuid: str
    source: tuple[str, ...]  # UUIDs of the raw scans
    energy_ev: float
    angle: float  # rad
    rotation: float  # rad
    stage: str
    image: Array  # (h, w) complex64, NaN where dark
    pixel: tuple[float, float]  # y, x, m, of that image
    origin: tuple[float, float]  # y, x, m, of its first pixel
    full: tuple[tuple[int, int], float]  # shape of the whole object and its pixel, m
    probe: Array  # (modes, h, w) complex64
    probe_pixel: float
    power: Array  # (modes,) part of the whole
    error: Array  # (iterations,)
    engine: tuple[str, ...]
    position: Array  # (n, 2) m
    frame: Array  # (n,)
    intensity: Array | None
    half_period: float | None
    halves: tuple[Array, Array] | None  # spatial frequency, correlation
    halves_name: str
    halves_note: str  # why there is no resolution
    phase_sigma: float | None
    status: str
    message: str
    made: str  # when
    redo: str
    warm: bool
    assumed: tuple[str, ...]

    @property
    def misfit(self) -> float | None:
        """Fourier error of the last iteration."""
        return float(self.error[-1]) if self.error.size else None

    @property
    def failed(self) -> bool:
        """Whether the solver says that it did not get to its end."""
        return self.status not in ("done", "")


def plan_of(scan: Scan, file: str) -> Plan:
    """What is planned to be done with a raw scan."""
    position = -np.stack([scan.stage_y, scan.stage_x], axis=1).astype(np.float64)
    angle = polarization_angle(scan.stokes, scan.rotation)
    return Plan(scan.entry, scan.uuid, file, float(scan.energy_ev), angle, float(scan.rotation), position)


def card_of(record: Reconstruction, file: str) -> Card:
    """What the report keeps of a reconstruction."""
    image, origin, pixel = _image(record)
    probe = np.asarray(record.probe)[:_MODES]
    part = np.sum(np.abs(np.asarray(record.probe, np.complex128)) ** 2, axis=(1, 2))
    past = newest(record, "reconstruct")
    how = {} if past is None else past.parameters
    full = (record.transmission.shape, abs(float(record.x[1] - record.x[0])))
    position = _positions(record)
    return Card(
        entry=record.entry, title=record.title, sample=record.sample, file=file, uuid=record.uuid,
        source=() if past is None else tuple(i.uuid for i in past.inputs if i.uuid), energy_ev=float(record.energy_ev),
        angle=polarization_angle(record.stokes, record.rotation), rotation=float(record.rotation), stage=record.stage,
        image=image, pixel=pixel, origin=origin, full=full,
        probe=_reduced(probe, PROBE_SIDE).astype(np.complex64),
        probe_pixel=abs(float(record.probe_x[1] - record.probe_x[0])) * factor_for(probe.shape, PROBE_SIDE),
        power=part / max(float(part.sum()), 1e-300),
        error=np.empty(0) if record.error is None else np.asarray(record.error, np.float64),
        engine=() if record.engine is None else tuple(str(name) for name in record.engine),
        position=position, frame=np.arange(len(position)) if record.position_frame is None else record.position_frame,
        intensity=record.intensity, **_halves(record),
        halves_note=str(how.get("halves.unresolved", "")),
        phase_sigma=None if record.phase_sigma is None else _median(record.phase_sigma),
        status=str(how.get("status", "")), message=str(how.get("message", "")), made="" if past is None else past.date,
        redo=command_of(record), warm=past is not None and is_warm(past),
        assumed=() if record.assumed is None else tuple(str(path) for path in record.assumed),
    )  # fmt: skip


def _image(record: Reconstruction) -> tuple[Array, tuple[float, float], tuple[float, float]]:
    """The lit part of the object with its scale and ramp off, its first coordinates, and its pixel, (y, x) m."""
    flat = flat_on_border(record)
    if record.stage == "flattened":
        flat = np.where(np.isfinite(flat), np.asarray(record.transmission), np.nan)
    known = np.isfinite(flat)
    if not known.any():
        known = np.ones(flat.shape, bool)
    rows, columns = (np.flatnonzero(known.any(axis=axis)) for axis in (1, 0))
    cut = flat[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    factor = factor_for(cut.shape, SIDE)
    step = (float(record.y[1] - record.y[0]), float(record.x[1] - record.x[0]))
    first = (float(record.y[rows[0]]), float(record.x[columns[0]]))
    origin = first[0] + step[0] * (factor - 1) / 2, first[1] + step[1] * (factor - 1) / 2
    return _reduced(cut, SIDE).astype(np.complex64), origin, (step[0] * factor, step[1] * factor)


def _reduced(image: Array, side: int) -> Array:
    factor = factor_for(image.shape, side)
    return binned(image.real, factor) + 1j * binned(image.imag, factor)


def _positions(record: Reconstruction) -> Array:
    if record.position_y is None or record.position_x is None:
        return np.empty((0, 2))
    return np.stack([record.position_y, record.position_x], axis=1).astype(np.float64)


def _halves(record: Reconstruction) -> dict[str, Any]:
    extra = record.extra
    half = extra.get("halves/half_period")
    names = ("halves/spatial_frequency", "halves/correlation")
    there = all(name in extra for name in names)
    return {
        "half_period": None if half is None else float(np.asarray(half)),
        "halves": (np.asarray(extra[names[0]]), np.asarray(extra[names[1]])) if there else None,
        "halves_name": f"{extra.get('halves/image', '')}, {extra.get('halves/threshold_name', '')}".strip(", "),
    }


def _median(values: Array) -> float | None:
    known = np.asarray(values)[np.isfinite(values)]
    return float(np.median(known)) if known.size else None
