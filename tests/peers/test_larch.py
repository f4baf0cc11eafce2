"""Our edge fits are those of larch, spectrum by spectrum, for the same windows and orders."""

from pathlib import Path

import numpy as np
import pytest

from picpxct_nx.simulate import spectra
from picpxct_nx.spectra.regression import Orders, edge_fit
from picpxct_nx.spectra.windows import inside
from picpxct_nx.values import Array

from .conftest import peer

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

ORDERS = [Orders(0, 0), Orders(0, 2), Orders(1, 0), Orders(1, 1), Orders(1, 2), Orders(1, 2, 3.0)]


def _compare(energy: Array, mu: Array, e0: float, windows: tuple[float, float, float, float], orders: Orders) -> None:
    """Compare the step and all normalised points; e0 is a measured energy, because larch takes the step at one.

    larch takes window ends at or below the lower number, and leaves out the energy nearest to the upper one: ends
    between the energies, and an energy more above, select the same ones.
    """
    pre1, pre2, norm1, norm2 = windows
    larch = peer("larch.xafs.pre_edge").preedge(
        energy, mu, e0=e0, pre1=pre1, pre2=pre2, norm1=norm1, norm2=norm2, npre=orders.pre, nnorm=orders.post,
        nvict=orders.victoreen if orders.pre else 0,
    )  # fmt: skip
    assert larch["nnorm"] == orders.post
    index = peer("larch.math")
    masks = []
    for low, high in ((larch["pre1"], larch["pre2"]), (larch["norm1"], larch["norm2"])):
        first, last = index.index_of(energy, low + e0), index.index_nearest(energy, high + e0)
        masks.append(inside(energy, 0.0, (float(energy[first]), float(energy[last - 1]))))
        assert masks[-1].sum() == last - first
    fit = edge_fit(energy, e0, masks[0], masks[1], orders)
    step = fit.step @ mu
    assert step == pytest.approx(larch["edge_step"], abs=1e-10, rel=1e-10)
    np.testing.assert_allclose((mu - fit.pre.of(mu[:, None])[:, 0]) / step, larch["norm"], atol=1e-10)


@pytest.mark.parametrize("orders", ORDERS)
def test_a_simulated_spectrum_is_normalised_as_larch_does(orders: Orders) -> None:
    energy = np.arange(5380.0, 5540.1, 0.5)
    _, beta = spectra.along(spectra.optical_constants(energy), 1 / 3)
    mu = 4 * np.pi * energy / spectra.HC_EV_M * beta * 2e-6
    _compare(energy, mu, 5483.5, (-90.0, -18.0, 20.0, 50.0), orders)


@pytest.mark.parametrize("orders", ORDERS)
def test_a_measured_spectrum_is_normalised_as_larch_does(orders: Orders, shared_data: Path) -> None:
    table = np.loadtxt(shared_data / "V2O5_13BMD.xdi")
    energy, first = np.unique(table[:, 0], return_index=True)
    mu = -np.log(table[first, 3] / table[first, 2])
    e0 = float(energy[np.argmin(np.abs(energy - 5480.0))])
    _compare(energy, mu, e0, (-90.0, -18.0, 15.0, float(energy[-1]) - e0 - 1), orders)
