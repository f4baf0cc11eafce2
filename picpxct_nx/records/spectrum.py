"""Spectrum: absorption that was measured without an image."""

from dataclasses import dataclass

from picpxct_nx.records.base import Record, nx
from picpxct_nx.values import Array


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
