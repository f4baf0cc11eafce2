"""Grouping: encoder energies never repeat, rotations wrap, and chains are refused."""

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.images.grouping import energy_groups, mean_rotation, polarisation_groups

HORIZONTAL = [1.0, 1.0, 0.0, 0.0]


def names(n: int) -> list[str]:
    return [f"scan_{i}" for i in range(n)]


def test_energies_within_the_tolerance_are_one() -> None:
    energies = np.array([5471.02, 5460.0, 5470.9, 5460.11, 5482.0])
    assert energy_groups(energies, 0.2, names(5)).tolist() == [1, 0, 1, 0, 2]


def test_a_chain_of_energies_is_refused() -> None:
    with pytest.raises(InputError, match=r"5460.000 eV \(scan_0\) to 5460.300 eV \(scan_2\) form a chain"):
        energy_groups(np.array([5460.0, 5460.15, 5460.3]), 0.2, names(3))


def test_a_tolerance_of_zero_takes_equal_energies_only() -> None:
    assert energy_groups(np.array([1.0, 1.0, 1.001]), 0.0, names(3)).tolist() == [0, 0, 1]


def test_rotations_that_differ_by_a_turn_are_one_and_angles_ascend() -> None:
    rotations = np.deg2rad([90.1, 0.05, 360.0, -0.1, 89.9])
    groups = polarisation_groups(np.tile(HORIZONTAL, (5, 1)), rotations, np.deg2rad(0.5), names(5))
    assert groups.tolist() == [1, 0, 0, 0, 1]


def test_another_polarisation_of_the_beam_is_another_group() -> None:
    stokes = np.array([HORIZONTAL, [1.0, -1.0, 0.0, 0.0], [2.0, 2.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]])
    groups = polarisation_groups(stokes, np.zeros(4), np.deg2rad(0.5), names(4))
    assert groups[0] == groups[2]
    assert len(set(groups.tolist())) == 3


def test_half_a_turn_is_another_image_of_the_same_polarisation() -> None:
    groups = polarisation_groups(np.tile(HORIZONTAL, (2, 1)), np.array([0.0, np.pi]), 0.01, names(2))
    assert groups.tolist() == [0, 1]


def test_a_chain_of_rotations_is_refused() -> None:
    with pytest.raises(InputError, match=r"scan_0 and scan_2 differ by 0\.8 deg in rotation"):
        polarisation_groups(np.tile(HORIZONTAL, (3, 1)), np.deg2rad([0, 0.4, 0.8]), np.deg2rad(0.5), names(3))


def test_rotations_are_averaged_on_the_circle() -> None:
    assert mean_rotation(np.deg2rad([359.0, 1.0])) == pytest.approx(np.deg2rad(360.0))
