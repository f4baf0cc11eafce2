"""Normalised cube: XANES, XPNES and thickness of every pixel."""

from dataclasses import dataclass

from picpxct_nx.records.base import Record, nx
from picpxct_nx.values import Array, ArraySource


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
