"""The edge energy is only found where nothing before it could be taken for it."""

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.simulate import spectra
from picpxct_nx.spectra.edge_energy import edge_energy
from picpxct_nx.values import Array

ENERGY = np.arange(5450.0, 5530.0, 0.5)


def _edge(peak: float) -> Array:
    rise = 0.5 + np.arctan((ENERGY - 5482.3) / 2) / np.pi
    return 0.1 + rise + peak * np.exp(-(((ENERGY - 5471) / 1.2) ** 2))


def test_the_inflection_of_an_edge_is_found_between_the_energies() -> None:
    assert edge_energy(ENERGY, _edge(0.0)) == pytest.approx(5482.3, abs=0.1)
    assert edge_energy(ENERGY, _edge(0.15)) == pytest.approx(5482.3, abs=0.1)


def test_a_pre_edge_peak_is_named_and_refused() -> None:
    with pytest.raises(
        InputError, match=r"a peak of 0\.[67]\d of the step stands at 5471\.0 eV, before the last infle"
    ):
        edge_energy(ENERGY, _edge(0.7))


def test_v2o5_is_refused() -> None:
    _, beta = spectra.along(spectra.optical_constants(ENERGY), 1 / 3)
    with pytest.raises(InputError, match=r"stands at 5471\.0 eV, before the last inflection at 548[0-3]"):
        edge_energy(ENERGY, beta)


def test_what_has_no_edge_is_refused() -> None:
    with pytest.raises(InputError, match="too few"):
        edge_energy(ENERGY[:5], ENERGY[:5])
    with pytest.raises(InputError, match="does not rise"):
        edge_energy(ENERGY, -ENERGY)
    with pytest.raises(InputError, match="at an end"):
        edge_energy(ENERGY, np.exp((ENERGY - 5530) / 4))
