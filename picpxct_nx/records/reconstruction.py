"""Reconstruction: object and probe of one scan."""

from dataclasses import dataclass

from picpxct_nx.records.base import CONVENTION, Record, nx
from picpxct_nx.values import Array


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
