"""Kramers-Kronig: the phase that an absorption spectrum calls for, and how far a measured phase is from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Beyond the measured energies the absorption is continued as mu ~ E^-8/3 (the steepness between two K edges), so
# that f'' ~ E^-5/3, up to this many times the highest energy: what is left out is flat over the measured range.
_REACH, _NODES, _FALL = 30.0, 200, 5 / 3
# The last measured value goes over into that level within this distance, as fine structure does; a sudden step
# would put a logarithmic pole at the last energy.
_RELAXED_EV = 20.0
# A transform needs energies dense enough to be joined by straight lines.
LEAST_ENERGIES, WIDEST_GAP_EV = 15, 8.0


def kramers_kronig(energy_ev: ArrayLike, grid_ev: Floats, f2: Floats) -> Floats:
    """Dispersion f' of a piecewise linear f'', exact for that f''.

    f'(E) = (2/pi) P int E' f''(E') / (E^2 - E'^2) dE'. On a segment f'' = a + b E' the integral is
    -[(a + b E) ln|E' - E| + (a - b E) ln(E' + E)] / 2 - b E'. Where E is itself a node the logarithms of its two
    segments cancel, since f'' is continuous there.

    Parameters
    ----------
    energy_ev : (n,) energies at which f' is wanted
    grid_ev : (m,) increasing nodes; f'' is zero outside them
    f2 : (m,) or (m, k) f'' at the nodes, electrons

    Returns
    -------
    (n,) or (n, k) f' in electrons.

    References
    ----------
    B. Watts, Opt. Express 22, 23628 (2014), doi 10.1364/OE.22.023628: the method, on piecewise polynomials.
    """
    energies = np.atleast_1d(np.asarray(energy_ev, dtype=np.float64))[:, None]
    width = np.diff(grid_ev)
    gap = np.abs(grid_ev - energies)
    near = np.diff(np.log(np.where(gap == 0, 1.0, gap)))
    far = np.diff(np.log(grid_ev + energies))
    # The integral is linear in offset a and slope b of each segment.
    by_offset, by_slope = -0.5 * (near + far), -0.5 * energies * (near - far) - width
    slope = np.diff(f2, axis=0) / (width if f2.ndim == 1 else width[:, None])
    offset = f2[:-1] - slope * (grid_ev[:-1] if f2.ndim == 1 else grid_ev[:-1, None])
    return np.asarray(2 / np.pi * (by_offset @ offset + by_slope @ slope))


@dataclass(frozen=True)
class Consistency:
    """The residual r = phase @ phi + absorption @ y of phase phi (n,) and pre-edge subtracted optical density y (n,).

    Both matrices are (n, n). The residual is what is left of phi less the phase that y calls for, less a line.
    """

    phase: Floats
    absorption: Floats

    def expected(self, phase_noise: Floats, density_noise: Floats) -> Floats:
        """Mean square over the energies that white noise of these standard deviations leaves in the residual."""
        n = len(self.phase)
        of_phase, of_density = float(np.sum(self.phase**2)) / n, float(np.sum(self.absorption**2)) / n
        return of_phase * phase_noise**2 + of_density * density_noise**2


def dense_enough(energy_ev: Floats) -> bool:
    """Whether a transform of a spectrum on these energies means anything."""
    return len(energy_ev) >= LEAST_ENERGIES and float(np.max(np.diff(energy_ev))) <= WIDEST_GAP_EV


def consistency(energy_ev: Floats, in_post: NDArray[np.bool_]) -> Consistency:
    """How the residual of the Kramers-Kronig relation follows from a measured spectrum.

    With the transmission t = exp(-y/2 + i phi), y/2 = (A/E) f'' and phi = -(A/E) (Z + f'), where A is a constant of
    the pixel. So E phi is, up to the sign and a constant, the transform of E y / 2. What lies outside of the measured
    energies adds a smooth phase, which a free line takes up; the step continues beyond the last energy at the mean
    level of the window after the edge.

    Parameters
    ----------
    energy_ev : (n,) increasing
    in_post : (n,) energies of the window after the edge
    """
    n = len(energy_ev)
    step = float(np.mean(np.diff(energy_ev)))
    beyond = np.geomspace(energy_ev[-1] + _RELAXED_EV, _REACH * energy_ev[-1], _NODES)
    grid = np.concatenate([[energy_ev[0] - step], energy_ev, beyond])
    # f'' on the nodes from y: zero before, E y / 2 inside, the falling step behind.
    nodes = np.zeros((len(grid), n))
    nodes[1 : n + 1] = np.diag(energy_ev / 2)
    level = in_post / in_post.sum() * energy_ev / 2
    nodes[n + 1 :] = (beyond / energy_ev[-1])[:, None] ** -_FALL * level
    predicted = -kramers_kronig(energy_ev, grid, nodes) / energy_ev[:, None]
    line = np.stack([np.ones(n), (energy_ev - energy_ev.mean()) / np.ptp(energy_ev)], axis=1)
    without_line = np.eye(n) - line @ np.linalg.pinv(line)
    return Consistency(without_line, -without_line @ predicted)
