"""Grain map: grains, and where their axes point."""

from dataclasses import dataclass

from picpxct_nx.records.base import Record, nx
from picpxct_nx.values import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class GrainMap(Record):
    """Grains of a polycrystal and the direction of their axes (NXspecptycho_grainmap)."""

    DEFINITION = "NXspecptycho_grainmap"
    LINKS = {"dichroism/y": "orientation/y", "dichroism/x": "orientation/x"}

    signal_name: str = nx("signal_name")
    edge_energy_ev: float = nx("edge_energy")
    peak_ev: Array = nx("peak_window")  # (2,) relative to the edge energy
    base_ev: Array = nx("base_window")  # (2,) relative to the edge energy
    mirror_ambiguous: bool = nx("mirror_ambiguous")
    calibration: str = nx("calibration")
    background: float | None = nx("background", None)
    background_errors: float | None = nx("background_errors", None)
    amplitude: float | None = nx("amplitude", None)
    amplitude_errors: float | None = nx("amplitude_errors", None)
    pixel_noise: float | None = nx("pixel_noise", None)
    stokes: Array = nx("instrument/beam/incident_polarization_stokes")  # (polarisations, 4)
    sample: str = nx("sample/name")
    formula: str | None = nx("sample/chemical_formula", None)
    rotation: Array = nx("sample/rotation_angle")  # (polarisations,)
    orientation: Array = nx("orientation/orientation")  # (H, W)
    orientation_errors: Array = nx("orientation/orientation_errors")  # (H, W)
    label: Array = nx("orientation/label")  # (H, W), 0 no grain
    confidence: Array = nx("orientation/confidence")  # (H, W)
    tilt: Array | None = nx("orientation/tilt", None)  # (H, W)
    tilt_errors: Array | None = nx("orientation/tilt_errors", None)  # (H, W)
    y: Array = nx("orientation/y")  # (H,)
    x: Array = nx("orientation/x")  # (W,)
    signal: Array = nx("dichroism/dichroism")  # (polarisations, H, W)
    signal_errors: Array | None = nx("dichroism/dichroism_errors", None)  # (polarisations, H, W)
    polarization_angle: Array = nx("dichroism/polarization_angle")  # (polarisations,)
    grain_id: Array = nx("grains/grain_id")  # (grains,)
    area: Array = nx("grains/area")  # (grains,)
    pixels: Array = nx("grains/pixels")  # (grains,)
    equivalent_diameter: Array = nx("grains/equivalent_diameter")  # (grains,)
    centroid_y: Array = nx("grains/centroid_y")  # (grains,)
    centroid_x: Array = nx("grains/centroid_x")  # (grains,)
    major_axis: Array = nx("grains/major_axis")  # (grains,)
    minor_axis: Array = nx("grains/minor_axis")  # (grains,)
    axis_angle: Array = nx("grains/axis_angle")  # (grains,)
    mean_orientation: Array = nx("grains/mean_orientation")  # (grains,)
    mean_orientation_errors: Array = nx("grains/mean_orientation_errors")  # (grains,)
    orientation_spread: Array = nx("grains/orientation_spread")  # (grains,)
    mean_thickness: Array | None = nx("grains/mean_thickness", None)  # (grains,)
    touches_border: Array = nx("grains/touches_border")  # (grains,) bool
