"""A foreign spectrum, and the spectrum of ours that it and the user's statements make."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.formats import metadata as meta
from picpxct_nx.formats.stated import parameters, state
from picpxct_nx.formats.understood import Understood
from picpxct_nx.provenance import step
from picpxct_nx.records import Spectrum
from picpxct_nx.values import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class ForeignSpectrum(Understood):
    """What one file of another program holds of an absorption spectrum; checked once, here.

    Parameters
    ----------
    energy_ev : (n,) float64
        Photon energies in the order of the file.
    columns : mapping
        Arrays (n,) by path of the definition, `spectrum/absorption` among them.

    Raises
    ------
    InputError
        Lengths differ, there are fewer than two energies, or numbers are not finite.
    """

    energy_ev: Array
    columns: Mapping[str, Array]

    def __post_init__(self) -> None:
        if self.energy_ev.ndim != 1 or len(self.energy_ev) < 2:
            raise InputError(f"{self.name}: has {self.energy_ev.size} energies; wanted two or more")
        for path, column in {"spectrum/energy": self.energy_ev, **self.columns}.items():
            self.want_shape(path, column, self.energy_ev.shape, "one an energy")
            self.want_finite(path, column, "wanted numbers, all finite")


def assemble_spectrum(
    foreign: ForeignSpectrum, given: Mapping[str, str], assumed: Mapping[str, str]
) -> tuple[Spectrum, list[str]]:
    """The spectrum that a foreign one and the user's statements make, and a sentence for all that was decided.

    Energies are sorted; points of one energy are averaged.

    Parameters
    ----------
    foreign : ForeignSpectrum
        What the file holds.
    given, assumed : mapping
        Text by short name or path: what is known (--set), and what nobody measured (--assume).

    Raises
    ------
    UsageError, InputError
        As `state`.
    """
    entry, values, told = state(foreign.metadata, given, assumed, meta.SPECTRUM, foreign.name)
    notes = [*foreign.notes, *told]
    energies, place, count = np.unique(foreign.energy_ev, return_inverse=True, return_counts=True)
    if (np.diff(foreign.energy_ev) < 0).any():
        notes.append("energies: were not rising; sorted")
    if len(energies) < len(foreign.energy_ev):
        notes.append(f"energies: {len(foreign.energy_ev) - len(energies)} repeat another; points of one are averaged")
    values["spectrum/energy"] = energies
    for path, column in foreign.columns.items():
        errors = path.endswith("_errors")
        values[path] = (np.sqrt(np.bincount(place, column**2)) if errors else np.bincount(place, column)) / count
    said = {"format": foreign.format, **foreign.options, **parameters(given, assumed), "notes": "\n".join(notes)}
    record = Spectrum.from_values(entry, values)
    return record.made_by(step("import", said, foreign.inputs)), notes
