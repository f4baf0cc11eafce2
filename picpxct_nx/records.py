"""Records: one frozen dataclass a product, each attribute bound to a path of its definition.

A record says nothing that the definition says: names, types, units and shapes stand in the NXDL alone. What a file
holds beyond the bound attributes rides along in `extra`, so that a new metadata field needs no Python.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from picpxct_nx import nxdl, provenance
from picpxct_nx.errors import InputError
from picpxct_nx.provenance import Input, Step
from picpxct_nx.values import Array, ArraySource, Value, Values, digest

CONVENTION = "exp(+ikz), n = 1 - delta + i beta"


def nx(path: str, default: Any = dataclasses.MISSING, *, lazy: bool = False) -> Any:
    """Bind a dataclass attribute to a path below the entry; `lazy` leaves the array in the file until it is sliced."""
    metadata = {"nx": path, "lazy": lazy}
    if default is dataclasses.MISSING:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """One entry of a file. `entry` is its name, for example scan_S00123."""

    DEFINITION: ClassVar[str]
    # Paths that are links to other paths: written as such, and not read a second time.
    LINKS: ClassVar[Mapping[str, str]] = {}

    entry: str
    title: str = nx("title")
    uuid: str = nx("entry_identifier_uuid", "")
    assumed: Array | None = nx("assumed", None)
    history: tuple[Step, ...] = ()
    extra: Values = field(default_factory=dict)

    def to_values(self) -> dict[str, Value]:
        """Every value of the entry by path, links left out."""
        values: dict[str, Value] = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if "nx" in item.metadata and value is not None:
                values[item.metadata["nx"]] = value
        return values | dict(self.extra) | provenance.to_values(self.history)

    @classmethod
    def from_values(cls, entry: str, values: Values) -> Self:
        """The record that the values of an entry make.

        Raises
        ------
        InputError
            A bound path without default is missing.
        """
        rest = {p: v for p, v in values.items() if not provenance.is_process(p) and p not in cls.LINKS}
        bound: dict[str, Any] = {}
        for item in dataclasses.fields(cls):
            path = item.metadata.get("nx")
            if path in rest:
                bound[item.name] = rest.pop(path)
            elif path is not None and item.default is dataclasses.MISSING:
                raise InputError(f"{entry}/{path}: missing; {cls.DEFINITION} requires it")
        return cls(entry=entry, history=provenance.from_values(values), extra=rest, **bound)

    def digest(self) -> str:
        """SHA-256 over the content: names, shapes and values, without the UUID and the history."""
        own = {path: value for path, value in self.to_values().items() if not provenance.is_process(path)}
        return digest(own, leave_out=("entry_identifier_uuid",))

    def as_input(self, file_name: str | None = None) -> Input:
        """How a step that reads this record names it."""
        return Input(checksum=self.digest(), uuid=self.uuid, file_name=file_name)

    def assuming(self, assumed: Array | None) -> Self:
        """The record with those of another's assumed paths that it has itself."""
        mine = self.to_values()
        kept = [str(path) for path in (() if assumed is None else assumed) if str(path) in mine]
        return dataclasses.replace(self, assumed=np.array(kept, dtype=object)) if kept else self

    def made_by(self, newest: Step, parents: "tuple[Record, ...]" = ()) -> Self:
        """The record with its history and a UUID of its own: what `newest` made from `parents`."""
        history = provenance.extend([(parent.uuid, parent.history) for parent in parents], newest)
        named = dataclasses.replace(self, history=history)
        return dataclasses.replace(named, uuid=provenance.new_uuid(named.digest))


def paths(cls: type[Record]) -> dict[str, bool]:
    """Paths that a record class binds, and whether each stays lazy."""
    return {f.metadata["nx"]: f.metadata["lazy"] for f in dataclasses.fields(cls) if "nx" in f.metadata}


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Reconstruction(Record):
    """Object and probe of one scan (NXspecptycho_reconstruction)."""

    DEFINITION = "NXspecptycho_reconstruction"
    LINKS = {"phase/y": "object/y", "phase/x": "object/x"}

    stage: str = nx("stage")
    convention: str = nx("phase_convention", CONVENTION)
    energy_ev: float = nx("instrument/beam/incident_energy")
    stokes: Array = nx("instrument/beam/incident_polarization_stokes")  # (1, 4)
    sample: str = nx("sample/name")
    formula: str | None = nx("sample/chemical_formula", None)
    rotation: float = nx("sample/transformations/rotation")
    transmission: Array = nx("object/transmission")  # (H, W) complex
    transmission_sigma: Array | None = nx("object/transmission_errors", None)  # (H, W), of the modulus
    y: Array = nx("object/y")  # (H,)
    x: Array = nx("object/x")  # (W,)
    coverage: Array | None = nx("object/coverage", None)  # (H, W)
    air: Array | None = nx("object/air", None)  # (H, W) bool
    phase: Array = nx("phase/phase")  # (H, W)
    phase_sigma: Array | None = nx("phase/phase_errors", None)  # (H, W)
    probe: Array = nx("probe/probe")  # (modes, h, w) complex
    probe_y: Array = nx("probe/y")  # (h,)
    probe_x: Array = nx("probe/x")  # (w,)
    position_y: Array | None = nx("positions/y", None)  # (n,)
    position_x: Array | None = nx("positions/x", None)  # (n,)
    position_frame: Array | None = nx("positions/frame", None)  # (n,)
    intensity: Array | None = nx("positions/intensity", None)  # (n,)
    background: Array | None = nx("background/background", None)  # (h, w)
    variation: Array | None = nx("variation/probe", None)  # (k, modes, h, w) complex
    variation_weights: Array | None = nx("variation/weights", None)  # (n, k) complex
    error: Array | None = nx("convergence/error", None)  # (iterations,)
    iteration: Array | None = nx("convergence/iteration", None)  # (iterations,)
    engine: Array | None = nx("convergence/engine", None)  # (iterations,) text


@dataclass(frozen=True, kw_only=True, eq=False)
class SpectralCube(Record):
    """Complex transmission (polarisation, energy, y, x) on one grid (NXspecptycho_cube)."""

    DEFINITION = "NXspecptycho_cube"
    LINKS = {
        "phase/polarization_angle": "cube/polarization_angle",
        "phase/y": "cube/y",
        "phase/x": "cube/x",
    }

    stage: str = nx("stage")
    convention: str = nx("phase_convention", CONVENTION)
    measured_energy_ev: Array = nx("instrument/beam/incident_energy")  # (polarisations, energies)
    stokes: Array = nx("instrument/beam/incident_polarization_stokes")  # (polarisations, 4)
    sample: str = nx("sample/name")
    formula: str | None = nx("sample/chemical_formula", None)
    rotation: Array = nx("sample/rotation_angle")  # (polarisations,)
    transmission: ArraySource = nx("cube/transmission", lazy=True)  # (polarisations, energies, H, W) complex
    polarization_angle: Array = nx("cube/polarization_angle")  # (polarisations,)
    energy_ev: Array = nx("cube/energy")  # (energies,)
    y: Array = nx("cube/y")  # (H,)
    x: Array = nx("cube/x")  # (W,)
    valid: Array = nx("cube/valid")  # (polarisations, energies)
    known: Array = nx("cube/known")  # (polarisations, H, W) bool
    air: Array | None = nx("cube/air", None)  # (polarisations, H, W) bool
    phase: Array = nx("phase/phase")  # (polarisations, H, W)


@dataclass(frozen=True, kw_only=True, eq=False)
class NormalizedCube(Record):
    """Normalised spectra of every pixel (NXspecptycho_normalized)."""

    DEFINITION = "NXspecptycho_normalized"
    LINKS = {
        f"{group}/{axis}": f"xanes/{axis}"
        for group in ("xpnes", "maps")
        for axis in ("polarization_angle", "energy", "y", "x")
        if (group, axis) != ("maps", "energy")
    }

    thickness_by: str = nx("thickness_by")
    edge_energy_ev: float = nx("edge_energy")
    pre_edge_ev: Array = nx("pre_edge")  # (2,) relative to the edge energy
    post_edge_ev: Array = nx("post_edge")  # (2,) relative to the edge energy
    measured_energy_ev: Array = nx("instrument/beam/incident_energy")  # (polarisations, energies)
    stokes: Array = nx("instrument/beam/incident_polarization_stokes")  # (polarisations, 4)
    sample: str = nx("sample/name")
    formula: str | None = nx("sample/chemical_formula", None)
    rotation: Array = nx("sample/rotation_angle")  # (polarisations,)
    xanes: ArraySource = nx("xanes/xanes", lazy=True)  # (polarisations, energies, H, W)
    polarization_angle: Array = nx("xanes/polarization_angle")  # (polarisations,)
    energy_ev: Array = nx("xanes/energy")  # (energies,)
    y: Array = nx("xanes/y")  # (H,)
    x: Array = nx("xanes/x")  # (W,)
    xpnes: ArraySource = nx("xpnes/xpnes", lazy=True)  # (polarisations, energies, H, W)
    xanes_variance: Array | None = nx("xanes/variance_factor", None)  # (polarisations, energies)
    xanes_covariance: Array | None = nx("xanes/covariance_factor", None)  # (polarisations, energies)
    xpnes_variance: Array | None = nx("xpnes/variance_factor", None)  # (polarisations, energies)
    xpnes_covariance: Array | None = nx("xpnes/covariance_factor", None)  # (polarisations, energies)
    edge_step: Array = nx("maps/edge_step")  # (polarisations, H, W)
    edge_step_errors: Array | None = nx("maps/edge_step_errors", None)  # (polarisations, H, W)
    phase_drop: Array = nx("maps/phase_drop")  # (polarisations, H, W) rad
    phase_drop_errors: Array | None = nx("maps/phase_drop_errors", None)  # (polarisations, H, W)
    off_edge_phase: Array | None = nx("maps/off_edge_phase", None)  # (polarisations, H, W) rad
    xanes_scale: Array | None = nx("maps/xanes_scale", None)  # (polarisations, H, W)
    xanes_scale_errors: Array | None = nx("maps/xanes_scale_errors", None)  # (polarisations, H, W)
    xpnes_scale: Array | None = nx("maps/xpnes_scale", None)  # (polarisations, H, W) rad
    xpnes_scale_errors: Array | None = nx("maps/xpnes_scale_errors", None)  # (polarisations, H, W)
    density_noise: Array | None = nx("maps/optical_density_noise", None)  # (polarisations, H, W)
    phase_noise: Array | None = nx("maps/phase_noise", None)  # (polarisations, H, W) rad
    relative_thickness: Array | None = nx("maps/relative_thickness", None)  # (polarisations, H, W)
    thickness: Array | None = nx("maps/thickness", None)  # (polarisations, H, W)
    thickness_scale: float | None = nx("thickness_scale", None)
    kramers_kronig_residual: Array | None = nx("kramers_kronig/residual", None)  # (polarisations,)
    mask: Array = nx("maps/mask")  # (polarisations, H, W)


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


@dataclass(frozen=True, kw_only=True, eq=False)
class DoseMap(Record):
    """Radiation dose of one scan or of all scans of a sample (NXspecptycho_dose)."""

    DEFINITION = "NXspecptycho_dose"

    attenuation_from: str = nx("attenuation_from")
    flux_from: str = nx("flux_from")
    beam_from: str = nx("beam_from")
    field_area: float = nx("field_area")
    mean_dose: float = nx("mean_dose")
    mean_dose_sigma: float | None = nx("mean_dose_errors", None)
    maximum_dose: float = nx("maximum_dose")
    mean_fluence: float = nx("mean_fluence")
    warnings: Array | None = nx("warnings", None)  # (k,) text
    sample: str = nx("sample/name")
    formula: str | None = nx("sample/chemical_formula", None)
    density: float | None = nx("sample/density", None)
    dose: Array = nx("dose/dose")  # (H, W) Gy
    fluence: Array = nx("dose/fluence")  # (H, W) 1/m^2
    y: Array = nx("dose/y")  # (H,)
    x: Array = nx("dose/x")  # (W,)
    scan: Array = nx("scans/scan")  # (scans,)
    scan_name: Array = nx("scans/name")  # (scans,) text
    scan_energy_ev: Array = nx("scans/photon_energy")  # (scans,)
    scan_rotation: Array = nx("scans/rotation_angle")  # (scans,)
    scan_photons: Array = nx("scans/photons")  # (scans,)
    scan_mass_attenuation: Array = nx("scans/mass_attenuation")  # (scans,) m^2/kg
    scan_mass_attenuation_sigma: Array | None = nx("scans/mass_attenuation_errors", None)  # (scans,) m^2/kg
    scan_mean_fluence: Array = nx("scans/mean_fluence")  # (scans,) 1/m^2
    scan_mean_dose: Array = nx("scans/mean_dose")  # (scans,) Gy
    scan_maximum_dose: Array = nx("scans/maximum_dose")  # (scans,) Gy


@dataclass(frozen=True, kw_only=True, eq=False)
class Spectrum(Record):
    """Absorption spectrum that was measured without an image (NXspecptycho_spectrum)."""

    DEFINITION = "NXspecptycho_spectrum"

    element: str = nx("element")
    edge: str = nx("edge")
    mode: str = nx("mode")
    normalized: bool = nx("normalized")
    edge_energy_ev: float | None = nx("edge_energy", None)
    instrument: str = nx("instrument/name")
    source: str = nx("instrument/source/name")
    sample: str = nx("sample/name")
    formula: str | None = nx("sample/chemical_formula", None)
    energy_ev: Array = nx("spectrum/energy")  # (energies,)
    absorption: Array = nx("spectrum/absorption")  # (energies,)
    incident: Array | None = nx("spectrum/incident", None)  # (energies,)
    detected: Array | None = nx("spectrum/detected", None)  # (energies,)


KINDS: tuple[type[Record], ...] = (
    Scan,
    Reconstruction,
    SpectralCube,
    NormalizedCube,
    FrcCurve,
    GrainMap,
    DoseMap,
    Spectrum,
)


def kind(definition: str) -> type[Record]:
    """The record class of a definition.

    Raises
    ------
    InputError
        No record is bound to that definition.
    """
    for cls in KINDS:
        if definition == cls.DEFINITION:
            return cls
    raise InputError(f"definition '{definition}' has no record; ours are {', '.join(c.DEFINITION for c in KINDS)}")


def polarization_angle(stokes: Array, rotation: float) -> float:
    """Direction of the electric field in the frame of the sample, rad, from x towards y, in [0, pi).

    alpha = atan2(U, Q) / 2 - rotation, modulo pi.

    Parameters
    ----------
    stokes : (1, 4)
        Stokes vector (I, Q, U, V) in the laboratory.
    rotation : float
        Rotation of the sample about the beam, rad.
    """
    _, q, u, _ = np.asarray(stokes, np.float64).reshape(-1, 4)[0]
    angle = float(np.mod(np.arctan2(u, q) / 2 - rotation, np.pi))
    # Rounding can leave an angle just below pi that means zero.
    return 0.0 if np.isclose(angle, np.pi) else angle


def unbound(cls: type[Record]) -> tuple[str, ...]:
    """Required paths of a definition that neither the record binds nor the definition fixes."""
    known = paths(cls)
    return tuple(
        path
        for path, node in nxdl.table(cls.DEFINITION).items()
        if node.kind == "field" and node.presence == "required" and node.fixed() is None
        if "(" not in path and path not in known and path not in cls.LINKS
    )
