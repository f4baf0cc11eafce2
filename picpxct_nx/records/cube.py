"""Spectral cube: transmission by polarisation, energy and place."""

from dataclasses import dataclass

from picpxct_nx.records.base import CONVENTION, Record, nx
from picpxct_nx.values import Array, ArraySource


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
