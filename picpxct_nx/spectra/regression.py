"""Edge regression: lines before and after an edge fitted to all spectra at once, as linear maps of the spectra."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError, UsageError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Orders:
    """Polynomial orders before (0 or 1) and after (0, 1 or 2) the edge, and the Victoreen exponent of the former."""

    pre: int = 0
    post: int = 0
    victoreen: float = 0.0


def parse_orders(text: str) -> Orders:
    """Orders such as "0,0", "1,2" or, with a Victoreen exponent, "1,1,3".

    Raises
    ------
    UsageError
        They are not two or three numbers in their ranges.
    """
    try:
        pre, post, *rest = text.split(",")
        orders = Orders(int(pre), int(post), *(float(exponent) for exponent in rest))
    except (ValueError, TypeError):
        orders = None
    if orders is None or orders.pre not in (0, 1) or orders.post not in (0, 1, 2) or not 0 <= orders.victoreen <= 4:
        raise UsageError(
            f"--orders '{text}': wanted pre (0, 1) and post (0, 1, 2), and perhaps a Victoreen exponent (0 to 4): 0,0"
        )
    return orders


@dataclass(frozen=True)
class Curve:
    """A least-squares curve through spectra y (n, k): ``basis @ (weights @ y)``, basis (n, m) and weights (m, n)."""

    basis: Floats
    weights: Floats

    def of(self, spectra: Floats) -> Floats:
        """The curve through each spectrum, (n, k)."""
        return np.asarray(self.basis @ (self.weights @ spectra))

    def matrix(self) -> Floats:
        """The same as one matrix, (n, n)."""
        return np.asarray(self.basis @ self.weights)


@dataclass(frozen=True)
class EdgeFit:
    """Fit of spectra y (n, k): the curve before the edge, and ``step @ y`` the edge steps (k,), with their sign."""

    pre: Curve
    step: Floats


def fit_curve(basis: Floats, selected: Mask, scale: Floats) -> Curve:
    """Least squares of ``scale * y`` by ``basis`` (n, m) over the selected energies, divided by ``scale`` again."""
    weights = np.zeros((basis.shape[1], len(basis)))
    weights[:, selected] = np.linalg.pinv(basis[selected]) * scale[selected]
    return Curve(basis / scale[:, None], weights)


def _powers(energy_ev: Floats, e0_ev: float, order: int) -> Floats:
    # About the edge and in units of the range, so that the squares of keV do not cost digits.
    return np.asarray(np.vander((energy_ev - e0_ev) / np.ptp(energy_ev), order + 1, increasing=True))


def edge_fit(energy_ev: Floats, e0_ev: float, in_pre: Mask, in_post: Mask, orders: Orders) -> EdgeFit:
    """Prepare the edge fit of spectra on n energies.

    The curve before the edge is (c0 + c1 E) E^-v, fitted to y E^v over its window; without slope, c0 alone. A
    polynomial is fitted to what is left over the window after the edge; its value at the edge energy is the step.

    Parameters
    ----------
    energy_ev : (n,) increasing
    e0_ev : edge energy
    in_pre, in_post : (n,) energies of the windows
    orders : polynomial orders

    Raises
    ------
    InputError
        A window holds fewer energies than its polynomial has coefficients.

    References
    ----------
    M. Newville, J. Phys.: Conf. Ser. 430, 012007 (2013), doi 10.1088/1742-6596/430/1/012007: the procedure. There
    the step is taken at the measured energy next to e0 and without its sign.
    """
    for name, selected, order in (("pre-edge", in_pre, orders.pre), ("post-edge", in_post, orders.post)):
        if selected.sum() <= order:
            raise InputError(
                f"the {name} window holds {selected.sum()} energies; a polynomial of order {order} takes {order + 1}: "
                "widen it, or lower --orders"
            )
    scale = (energy_ev / e0_ev) ** orders.victoreen
    pre = fit_curve(_powers(energy_ev, e0_ev, orders.pre), in_pre, scale)
    post = fit_curve(_powers(energy_ev, e0_ev, orders.post), in_post, np.ones(len(energy_ev)))
    # The value of the polynomial at the edge is its constant coefficient.
    return EdgeFit(pre, post.weights[0] - post.weights[0] @ pre.basis @ pre.weights)


def line_fit(energy_ev: Floats, selected: Mask) -> Curve:
    """Line through the selected ones of n energies; a constant where fewer than two are selected.

    Raises
    ------
    InputError
        None is selected.
    """
    if not selected.any():
        raise InputError("no energy lies in the windows of this polarisation; widen --pre or --post")
    order = 1 if selected.sum() > 1 else 0
    return fit_curve(_powers(energy_ev, float(energy_ev[0]), order), selected, np.ones(len(energy_ev)))


def mean_of(selected: Mask) -> Floats:
    """Weights (n,) of the mean over the selected energies."""
    return np.asarray(selected / max(1, int(selected.sum())), np.float64)
