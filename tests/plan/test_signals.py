"""Signals as weights on energies: they are what normalize and grainmap make, and say when these would refuse."""

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.grains import signal
from picpxct_nx.grains.windows import Name, Windows
from picpxct_nx.plan.bounds import signal_of
from picpxct_nx.plan.design import Design
from picpxct_nx.plan.signals import lacking, reading

from .trial import PIXEL, field, spectra

DENSE = tuple(np.concatenate([np.arange(5460.0, 5476.1, 0.5), np.arange(5480.0, 5520.1, 2.0)]).tolist())


@pytest.mark.parametrize("name", ["od-peak", "phase-lobe"])
@pytest.mark.parametrize("energies", [DENSE, (5460.0, 5466.0, 5469.0, 5470.0, 5471.0, 5472.0, 5483.0, 5506.0, 5518.0)])
def test_signal_is_proportional_to_that_of_the_chain(name: Name, energies: tuple[float, ...]) -> None:
    made = field(8, 8)
    design = Design(np.array(energies), np.deg2rad((0.0, 60.0, 120.0)), 1.0, np.full(len(energies), 1e26))
    read = reading(name, design.energy_ev)
    maps = signal.maps(spectra(made, design, 0), name, Windows(read.peak, read.base, None))
    expected, _, background = signal_of(design, read, made.crystals(), PIXEL**2)
    slope, offset = np.polyfit(expected.ravel(), maps.signal[:, made.inside].ravel(), 1)
    rest = maps.signal[:, made.inside] - slope * expected - offset
    assert slope > 0
    assert np.abs(rest).max() < 0.004 * np.ptp(maps.signal[:, made.inside])
    assert abs(offset) < 0.004 * np.ptp(maps.signal[:, made.inside])
    assert background < expected.min() + 0.05 * np.ptp(expected)


@pytest.mark.parametrize(
    ("energies", "name", "reason"),
    [
        ((5470.0, 5472.0, 5482.0, 5515.0), "phase-lobe", r"normalize takes an energy up to 5467.4 eV, before the edge"),
        ((5460.0, 5470.0, 5472.0, 5515.0), "phase-lobe", r"normalize takes an energy from 5475.4 to 5491.4 eV"),
        ((5460.0, 5470.0, 5472.0, 5482.0), "phase-lobe", r"normalize takes an energy from 5503.4 eV, after the edge"),
        ((5460.0, 5470.0, 5482.0, 5515.0), "phase-lobe", r"grainmap takes an energy from 5471.6 to 5474.6 eV"),
        ((5460.0, 5472.0, 5482.0, 5515.0), "phase-lobe", r"grainmap takes an energy from 5467.9 to 5470.1 eV"),
        ((5460.0, 5469.0, 5482.0, 5515.0), "od-peak", r"grainmap takes an energy from 5469.9 to 5472.1 eV"),
    ],
)
def test_energies_that_the_chain_refuses_are_named(energies: tuple[float, ...], name: Name, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        reading(name, np.array(energies))


@pytest.mark.parametrize(
    ("energies", "name", "added"),
    [
        ((5460.0, 5470.0, 5472.0), "phase-lobe", (5482.0, 5515.0)), ((5471.0,), "od-peak", (5460.0, 5482.0, 5515.0)),
        ((5460.0, 5482.0, 5515.0), "od-peak", (5471.0,)),
    ],
)  # fmt: skip
def test_what_is_lacking_makes_a_signal_that_the_chain_reads(
    energies: tuple[float, ...], name: Name, added: tuple[float, ...]
) -> None:
    assert lacking(np.array(energies)) == (name, added)
    with pytest.raises(InputError):
        reading(name, np.array(energies))
    assert reading(name, np.array(sorted((*energies, *added)))).name == name
