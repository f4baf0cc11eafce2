"""What a record holds, in a few lines: kind, shapes, energies, polarisations, stage, results, history."""

from typing import Any

import numpy as np

from picpxct_nx.records import FrcCurve, NormalizedCube, Reconstruction, Record, Scan, SpectralCube, polarization_angle
from picpxct_nx.values import Value


def overview(record: Record) -> dict[str, Any]:
    """The record as what `picpxct info --json` prints: names and plain numbers, units in the names."""
    return {
        "entry": record.entry,
        "definition": record.DEFINITION,
        "title": record.title,
        "uuid": record.uuid,
        **_of_kind(record),
        "assumed": [] if record.assumed is None else [str(path) for path in record.assumed],
        "history": [
            {"command": s.command, "program": s.program, "version": s.version, "date": s.date,
             "inputs": len(s.inputs), "transient": s.transient, "parameters": _plain(dict(s.parameters))}
            for s in record.history
        ],
    }  # fmt: skip


def _plain(values: dict[str, Value]) -> dict[str, Any]:
    return {name: value if isinstance(value, str) else np.asarray(value).tolist() for name, value in values.items()}


def _of_kind(record: Record) -> dict[str, Any]:
    if isinstance(record, Scan):
        return _scan(record)
    if isinstance(record, Reconstruction):
        return _reconstruction(record)
    if isinstance(record, SpectralCube | NormalizedCube):
        return _cube(record)
    return _curve(record) if isinstance(record, FrcCurve) else {}


def _beam(record: Scan | Reconstruction) -> dict[str, Any]:
    angle = polarization_angle(record.stokes, record.rotation)
    return {
        "sample": record.sample,
        "energy_ev": record.energy_ev,
        "polarisation_deg": float(np.rad2deg(angle)),
        "rotation_deg": float(np.rad2deg(record.rotation)),
    }


def _scan(scan: Scan) -> dict[str, Any]:
    return {
        **_beam(scan),
        "frames": list(scan.frames.shape),
        "dtype": str(scan.frames.dtype),
        "distance_m": scan.distance,
        "count_time_s": scan.count_time,
        "masked_pixels": int(np.count_nonzero(scan.pixel_mask)),
        "field_m": [float(np.ptp(scan.stage_y)), float(np.ptp(scan.stage_x))],
        "start_time": scan.start_time,
    }


def _reconstruction(record: Reconstruction) -> dict[str, Any]:
    errors = record.error
    return {
        "stage": record.stage,
        **_beam(record),
        "object": list(record.transmission.shape),
        "probe": list(record.probe.shape),
        "pixel_m": [float(record.y[1] - record.y[0]), float(record.x[1] - record.x[0])],
        "iterations": 0 if errors is None else len(errors),
        "fourier_error": None if errors is None or not len(errors) else float(errors[-1]),
    }


def _cube(record: SpectralCube | NormalizedCube) -> dict[str, Any]:
    shape = (record.transmission if isinstance(record, SpectralCube) else record.xanes).shape
    return {
        "stage": record.stage if isinstance(record, SpectralCube) else "normalized",
        "sample": record.sample,
        "shape": list(shape),
        "energies_ev": [float(energy) for energy in record.energy_ev],
        "polarisations_deg": [float(np.rad2deg(angle)) for angle in record.polarization_angle],
        "pixel_m": [float(record.y[1] - record.y[0]), float(record.x[1] - record.x[0])],
    }


def _curve(record: FrcCurve) -> dict[str, Any]:
    return {
        "image": record.image,
        "threshold": record.threshold_name,
        "rings": len(record.correlation),
        "pixel_m": record.pixel_size,
        "resolved": record.resolved,
        "half_period_m": record.half_period,
        "full_period_m": record.full_period,
        "warnings": [] if record.warnings is None else [str(text) for text in record.warnings],
    }


def as_text(record: Record, *, steps: bool = False) -> str:
    """The overview as indented lines for a person; `steps` adds the parameters of the history."""
    facts = overview(record)
    history = facts.pop("history")
    lines = [f"  {record.entry}: {facts.pop('definition')}"]
    del facts["entry"]
    lines += [f"    {name}: {_show(value)}" for name, value in facts.items() if value not in (None, [])]
    for number, past in enumerate(history, 1):
        pipe = ", in a pipe" if past["transient"] else ""
        lines.append(
            f"    step {number}: {past['command']} ({past['program']} {past['version']}, {past['date']}{pipe})"
        )
        if steps:
            lines += [f"      {name} = {_show(value)}" for name, value in past["parameters"].items()]
    return "\n".join(lines)


def _show(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(_show(item) for item in value[:12]) + (", ..." if len(value) > 12 else "")
    return str(value)
