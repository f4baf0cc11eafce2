"""Raw scan: frames, where they were taken, and by which light."""

from dataclasses import dataclass

from picpxct_nx.records.base import Record, nx
from picpxct_nx.values import Array, ArraySource


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan(Record):
    """Raw scan: n frames of h x w pixels at one energy and one polarisation (NXspecptycho_scan)."""

    DEFINITION = "NXspecptycho_scan"
    LINKS = {
        "data/data": "instrument/detector/data",
        "data/x": "sample/transformations/x",
        "data/y": "sample/transformations/y",
    }

    frames: ArraySource = nx("instrument/detector/data", lazy=True)  # (n, h, w) counts
    pixel_mask: Array = nx("instrument/detector/pixel_mask")  # (h, w), 0 good
    frame: Array = nx("data/frame")  # (n,)
    start_time: str = nx("start_time")
    instrument: str = nx("instrument/name")
    source: str = nx("instrument/source/name")
    encoder_energy_ev: float = nx("instrument/monochromator/energy")
    energy_offset_ev: float | None = nx("instrument/monochromator/energy_offset", None)
    energy_ev: float = nx("instrument/beam/incident_energy")
    stokes: Array = nx("instrument/beam/incident_polarization_stokes")  # (1, 4)
    x_pixel_size: float = nx("instrument/detector/x_pixel_size")
    y_pixel_size: float = nx("instrument/detector/y_pixel_size")
    distance: float = nx("instrument/detector/distance")
    beam_center_x: float = nx("instrument/detector/beam_center_x")
    beam_center_y: float = nx("instrument/detector/beam_center_y")
    count_time: float = nx("instrument/detector/count_time")
    sample: str = nx("sample/name")
    formula: str | None = nx("sample/chemical_formula", None)
    rotation: float = nx("sample/transformations/rotation")
    stage_x: Array = nx("sample/transformations/x")  # (n,)
    stage_y: Array = nx("sample/transformations/y")  # (n,)
    monitor: Array | None = nx("control/data", None)  # (n,)
    zone_plate_diameter: float | None = nx("instrument/zone_plate/outer_diameter", None)
    outermost_zone_width: float | None = nx("instrument/zone_plate/outermost_zone_width", None)
    central_stop_diameter: float | None = nx("instrument/zone_plate/central_stop_diameter", None)
    defocus: float | None = nx("instrument/zone_plate/defocus", None)
    start_probe: Array | None = nx("start_probe/probe", None)  # (modes, h, w)
    start_probe_y: Array | None = nx("start_probe/y", None)  # (h,)
    start_probe_x: Array | None = nx("start_probe/x", None)  # (w,)
