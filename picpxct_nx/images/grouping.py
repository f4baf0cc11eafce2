"""Grouping: which projections of a series share an energy, and which a polarisation."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from picpxct_nx.errors import InputError
from picpxct_nx.records import polarization_angle
from picpxct_nx.values import Array

Labels = npt.NDArray[np.intp]


def energy_groups(energies_ev: Array, tolerance_ev: float, names: Sequence[str]) -> Labels:
    """Number of the energy of each projection, ascending; those that differ by no more than the tolerance share one.

    Parameters
    ----------
    energies_ev : (n,) eV, as measured
    tolerance_ev : eV
    names : n names for the message

    Returns
    -------
    (n,) integers

    Raises
    ------
    InputError
        Neighbours are within the tolerance, but the first and last of the chain are not.
    """
    energies = np.asarray(energies_ev, np.float64)
    order = np.argsort(energies, kind="stable")
    apart = np.diff(energies[order]) > tolerance_ev * (1 + 1e-9)
    labels = np.empty(len(energies), np.intp)
    labels[order] = np.concatenate([[0], np.cumsum(apart)])
    for label in range(int(labels.max()) + 1):
        members = order[labels[order] == label]
        spread = float(energies[members[-1]] - energies[members[0]])
        if spread > tolerance_ev * (1 + 1e-9):
            raise InputError(
                f"energies from {energies[members[0]]:.3f} eV ({names[members[0]]}) to {energies[members[-1]]:.3f} eV "
                f"({names[members[-1]]}) form a chain of steps within {tolerance_ev:g} eV: which are one energy is not "
                "clear; choose another --energy-tolerance, or say the energies with --manifest"
            )
    return labels


def polarisation_groups(stokes: Array, rotations: Array, tolerance: float, names: Sequence[str]) -> Labels:
    """Number of the polarisation of each projection, ascending with the angle in the frame of the sample.

    Two projections share one if the sample is turned alike, modulo a whole turn, and the Stokes parameters are alike:
    an angle of the tolerance turns (Q, U) by twice as much.

    Parameters
    ----------
    stokes : (n, 4)
    rotations : (n,) rad
    tolerance : rad
    names : n names for the message

    Returns
    -------
    (n,) integers

    Raises
    ------
    InputError
        Projections are alike in a chain whose ends are not.
    """
    turn = np.exp(1j * np.asarray(rotations, np.float64))
    beam = np.asarray(stokes, np.float64)
    beam = beam[:, 1:] / beam[:, :1]
    off = np.abs(np.angle(turn[:, None] * turn.conj()))
    alike = (off <= tolerance + 1e-9) & (np.linalg.norm(beam[:, None] - beam, axis=2) <= 2 * tolerance + 1e-9)
    first = alike.argmax(axis=1)
    wrong = np.argwhere((alike.astype(int) @ alike > 0) & ~alike)
    if len(wrong):
        one, other = (int(i) for i in wrong[0])
        raise InputError(
            f"{names[one]} and {names[other]} differ by {np.rad2deg(off[one, other]):.3g} deg in rotation, and others "
            "lie between them: which are one polarisation is not clear; choose another --angle-tolerance"
        )
    leaders = np.unique(first)
    # An angle that is nearly pi is zero seen through a noisy encoder.
    angles = [(polarization_angle(stokes[i], float(rotations[i])) + tolerance) % np.pi for i in leaders]
    order = leaders[np.lexsort((np.mod(rotations[leaders], 2 * np.pi), np.round(angles, 6)))]
    rank = {int(leader): number for number, leader in enumerate(order)}
    return np.array([rank[int(leader)] for leader in first], np.intp)


def mean_rotation(rotations: Array) -> float:
    """Circular mean of rotations, rad, near to the first one."""
    first = float(rotations[0])
    return first + float(np.angle(np.mean(np.exp(1j * (np.asarray(rotations) - first)))))
