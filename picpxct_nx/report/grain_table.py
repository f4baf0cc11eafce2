"""The table of the grains of a map as a CSV file, for spreadsheets; lengths in um, angles in degrees."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from picpxct_nx import __version__
from picpxct_nx.errors import OutputError
from picpxct_nx.records import GrainMap

# Columns of the table: heading with unit, attribute, factor from the unit inside to that one.
_DEGREE = float(np.rad2deg(1.0))
_COLUMNS: tuple[tuple[str, str, float], ...] = (
    ("grain_id", "grain_id", 1), ("pixels", "pixels", 1), ("area (um^2)", "area", 1e12),
    ("equivalent_diameter (um)", "equivalent_diameter", 1e6), ("centroid_y (um)", "centroid_y", 1e6),
    ("centroid_x (um)", "centroid_x", 1e6), ("major_axis (um)", "major_axis", 1e6),
    ("minor_axis (um)", "minor_axis", 1e6), ("axis_angle (deg)", "axis_angle", _DEGREE),
    ("mean_orientation (deg)", "mean_orientation", _DEGREE),
    ("mean_orientation_errors (deg)", "mean_orientation_errors", _DEGREE),
    ("orientation_spread (deg)", "orientation_spread", _DEGREE), ("mean_thickness (um)", "mean_thickness", 1e6),
    ("touches_border", "touches_border", 1),
)  # fmt: skip


def as_csv(records: Sequence[GrainMap]) -> str:
    """The table of the grains of one or more maps: a line of where it is from, headings with units, a row a grain."""
    text = io.StringIO()
    sources = ", ".join(f"{record.entry} urn:uuid:{record.uuid}" for record in records)
    when = records[0].history[-1].date if records and records[0].history else ""
    mirror = any(bool(record.mirror_ambiguous) for record in records)
    note = "; orientations may be their mirror images" if mirror else ""
    text.write(f"# picpxct_nx {__version__} grainmap, {when}, of {sources}; angles from x towards y{note}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["entry", *(heading for heading, _, _ in _COLUMNS)])
    for record in records:
        columns = [_cells(record, name, factor) for _, name, factor in _COLUMNS]
        writer.writerows([record.entry, *row] for row in zip(*columns, strict=True))
    return text.getvalue()


def _cells(record: GrainMap, name: str, factor: float) -> list[str]:
    values = getattr(record, name)
    if values is None:
        return [""] * len(record.grain_id)
    if np.asarray(values).dtype.kind in "iub":
        return [str(int(value)) for value in values]
    return [f"{value * factor:.6g}" for value in values]


def write_table(records: Sequence[GrainMap], path: Path) -> None:
    """Write the table.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    try:
        path.write_text(as_csv(records), "utf-8")
    except OSError as error:
        raise OutputError(f"{path}: the table cannot be written ({error.strerror})") from None
