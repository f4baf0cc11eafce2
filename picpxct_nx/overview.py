"""What a record holds, in a few lines: kind, shapes, energies, polarisations, stage, results, history."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from picpxct_nx.records import (
    DoseMap,
    FrcCurve,
    GrainMap,
    NormalizedCube,
    Reconstruction,
    Record,
    Scan,
    SpectralCube,
    Spectrum,
    polarization_angle,
)
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
    if isinstance(record, GrainMap):
        return _grains(record)
    if isinstance(record, DoseMap):
        return _dose(record)
    if isinstance(record, Spectrum):
        return _spectrum(record)
    return _curve(record) if isinstance(record, FrcCurve) else {}


def _spectrum(record: Spectrum) -> dict[str, Any]:
    return {
        "sample": record.sample,
        "element": f"{record.element} {record.edge}",
        "mode": record.mode,
        "normalized": record.normalized,
        "energies": len(record.energy_ev),
        "energy_range_ev": [float(record.energy_ev[0]), float(record.energy_ev[-1])] if len(record.energy_ev) else [],
        "edge_energy_ev": record.edge_energy_ev,
    }


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


def _grains(record: GrainMap) -> dict[str, Any]:
    known = record.label > 0
    return {
        "sample": record.sample,
        "signal": record.signal_name,
        "polarisations_deg": [float(np.rad2deg(angle)) for angle in record.polarization_angle],
        "map": list(record.label.shape),
        "pixel_m": [float(record.y[1] - record.y[0]), float(record.x[1] - record.x[0])],
        "grains": len(record.grain_id),
        "area_m2": float(np.sum(record.area)),
        "mirror_ambiguous": bool(record.mirror_ambiguous),
        "calibration": record.calibration,
        "mean_confidence": float(np.mean(record.confidence[known])) if known.any() else None,
    }


def _dose(record: DoseMap) -> dict[str, Any]:
    return {
        "sample": record.sample,
        "energies_ev": sorted({float(energy) for energy in record.scan_energy_ev}),
        "scans": len(record.scan),
        "map": list(record.dose.shape),
        "pixel_m": [float(record.y[1] - record.y[0]), float(record.x[1] - record.x[0])],
        "mean_dose_gy": record.mean_dose,
        "mean_dose_sigma_gy": None if record.mean_dose_sigma is None else float(record.mean_dose_sigma),
        "maximum_dose_gy": record.maximum_dose,
        "mean_fluence_per_m2": record.mean_fluence,
        "field_area_m2": record.field_area,
        "attenuation_from": record.attenuation_from,
        "flux_from": record.flux_from,
        "beam_from": record.beam_from,
        "warnings": [] if record.warnings is None else [str(text) for text in record.warnings],
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
        "unresolved": record.unresolved,
        "warnings": [] if record.warnings is None else [str(text) for text in record.warnings],
    }


# What a person reads of a value: its name, and the unit that it has, or "length" for one that suits it.
_WORDS = {
    "energy_ev": ("energy", "eV"), "energies_ev": ("energies", "eV"), "polarisation_deg": ("polarisation", "deg"),
    "polarisations_deg": ("polarisations", "deg"), "rotation_deg": ("rotation of the sample", "deg"),
    "distance_m": ("distance", "length"), "count_time_s": ("count time", "s"), "field_m": ("field", "length"),
    "pixel_m": ("pixel", "length"), "half_period_m": ("half period", "length"), "area_m2": ("area", "um^2"),
    "full_period_m": ("full period", "length"), "mean_dose_gy": ("mean dose", "MGy"),
    "mean_dose_sigma_gy": ("sigma of the mean dose", "MGy"), "maximum_dose_gy": ("largest dose", "MGy"),
    "mean_fluence_per_m2": ("mean fluence", "1/um^2"), "field_area_m2": ("field", "um^2"),
    "frames": ("frames", "px"), "object": ("object", "px"), "probe": ("probe", "px"), "map": ("map", "px"),
    "shape": ("shape", "px"), "energy_range_ev": ("energy range", "eV"),
}  # fmt: skip
# Units that are not those of the value, with the factor.
_FACTORS = {"um^2": 1e12, "MGy": 1e-6, "1/um^2": 1e-12}
_LENGTHS = (("m", 1.0), ("mm", 1e-3), ("um", 1e-6), ("nm", 1e-9))
_SHAPES = ("frames", "object", "probe", "map", "shape")


def as_text(facts: Mapping[str, Any], *, steps: bool = False) -> str:
    """An overview as a few indented lines for a person; `steps` adds every step of the history with its parameters."""
    lines = [f"  {facts['entry']}: {facts['definition']}"]
    hidden = ("entry", "definition", "history")
    for name, value in facts.items():
        if name not in hidden and value not in (None, []):
            lines += _told(name, value)
    past = facts["history"]
    lines += [line for number, step in enumerate(past, 1) for line in _step(number, step)] if steps else _short(past)
    return "\n".join(lines)


def _told(name: str, value: Any) -> list[str]:
    """One value in words and units; of warnings, a line each."""
    if name == "warnings":
        return [f"    warning: {text}" for text in value]
    word, unit = _WORDS.get(name, (name.replace("_", " "), ""))
    if name in _SHAPES:
        return [f"    {word}: {' x '.join(map(str, value))} {unit}"]
    if unit == "length":
        both = value if isinstance(value, list) else [value]
        texts = list(dict.fromkeys(map(_length, both)))
        return [f"    {word}: {' x '.join(texts)}"]
    if unit in _FACTORS:
        value = _FACTORS[unit] * value
    if name == "energy_range_ev":
        return [f"    {word}: {_show(value[0])} to {_show(value[-1])} {unit}"]
    if isinstance(value, list) and len(value) > _MOST and unit:
        return [f"    {word}: {_show(value[0])} to {_show(value[-1])} {unit} ({len(value)})"]
    return [f"    {word}: {_show(value)} {unit}".rstrip()]


# Values of a list that are printed one by one.
_MOST = 12


def _length(metres: float) -> str:
    """A length with the unit that suits it."""
    unit, scale = next(((u, s) for u, s in _LENGTHS if abs(metres) >= 0.9995 * s), ("nm", 1e-9))
    return f"{metres / scale:.4g} {unit}"


def _short(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """The history in one line: each command once, in its order, with how often it ran."""
    if not history:
        return []
    counts = Counter(step["command"] for step in history)
    names = [name if times == 1 else f"{name} x {times}" for name, times in counts.items()]
    last = history[-1]
    return [f"    history: {', '.join(names)}; last {last['date']} by {last['program']} {last['version']}"]


def _step(number: int, past: Mapping[str, Any]) -> list[str]:
    pipe = ", in a pipe" if past["transient"] else ""
    lines = [f"    step {number}: {past['command']} ({past['program']} {past['version']}, {past['date']}{pipe})"]
    parameters = {name: value for name, value in past["parameters"].items() if "@" not in name}
    units = {name: f" {past['parameters'].get(f'{name}@units', '')}".rstrip() for name in parameters}
    return lines + [f"      {name} = {_show(value)}{units[name]}" for name, value in parameters.items()]


# Columns of the table: heading, and what stands below it; the first of the names that an entry has.
_COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("entry", ("entry",)),
    ("kind", ("definition",)),
    ("stage", ("stage",)),
    ("energy (eV)", ("energy_ev", "energies_ev")),
    ("polarisation (deg)", ("polarisation_deg", "polarisations_deg")),
    ("shape", ("frames", "object", "shape", "map", "rings")),
    ("Fourier error", ("fourier_error",)),
    ("half period (m)", ("half_period_m",)),
    ("grains", ("grains",)),
    ("mean dose (Gy)", ("mean_dose_gy",)),
)


def as_table(overviews: Sequence[Mapping[str, Any]]) -> str:
    """Overviews as a table, one line an entry; columns in which nothing stands are left out."""
    rows = [[_cell(facts, names) for _, names in _COLUMNS] for facts in overviews]
    used = [i for i in range(len(_COLUMNS)) if any(row[i] for row in rows)]
    lines = [[_COLUMNS[i][0] for i in used], *([row[i] or "-" for i in used] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(used))]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cell(facts: Mapping[str, Any], names: Sequence[str]) -> str:
    name = next((name for name in names if facts.get(name) is not None), None)
    if name is None:
        return ""
    value = facts[name]
    if name in ("frames", "object", "shape", "map"):
        return " x ".join(map(str, value))
    if name in ("energies_ev", "polarisations_deg") and len(value) > 2:
        return f"{_show(value[0])} to {_show(value[-1])} ({len(value)})"
    return _show(value).removeprefix("NXspecptycho_")


def _show(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(_show(item) for item in value[:_MOST]) + (", ..." if len(value) > _MOST else "")
    return str(value)
