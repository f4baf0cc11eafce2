"""Records: one frozen dataclass a product, each attribute bound to a path of its definition.

A record says nothing that the definition says: names, types, units and shapes stand in the NXDL alone. What a file
holds beyond the bound attributes rides along in `extra`, so that a new metadata field needs no Python.
"""

from picpxct_nx.errors import InputError
from picpxct_nx.records.base import CONVENTION, Record, nx, paths
from picpxct_nx.records.cube import SpectralCube
from picpxct_nx.records.dose import DoseMap
from picpxct_nx.records.frc import FrcCurve
from picpxct_nx.records.grainmap import GrainMap
from picpxct_nx.records.normalized import NormalizedCube
from picpxct_nx.records.polarization import polarization_angle
from picpxct_nx.records.reconstruction import Reconstruction
from picpxct_nx.records.scan import Scan
from picpxct_nx.records.spectrum import Spectrum

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


__all__ = [
    "CONVENTION",
    "KINDS",
    "DoseMap",
    "FrcCurve",
    "GrainMap",
    "NormalizedCube",
    "Reconstruction",
    "Record",
    "Scan",
    "SpectralCube",
    "Spectrum",
    "kind",
    "nx",
    "paths",
    "polarization_angle",
]
