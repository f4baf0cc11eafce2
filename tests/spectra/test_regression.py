"""Edge regression: exact on exact cases, equal to larch, with its sign."""

from pathlib import Path

import numpy as np
import pytest

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.spectra.regression import EdgeFit, Orders, edge_fit, line_fit, parse_orders
from picpxct_nx.spectra.windows import inside
from picpxct_nx.values import Array

ENERGY, E0 = np.arange(5440.0, 5600.1, 1.0), 5482.0


def _fit(orders: Orders, pre: tuple[float, float] = (-40, -15.5), post: tuple[float, float] = (20, 99.5)) -> EdgeFit:
    return edge_fit(ENERGY, E0, inside(ENERGY, E0, pre), inside(ENERGY, E0, post), orders)


def _normalised(fit: EdgeFit, mu: Array) -> tuple[Array, Array]:
    step = fit.step @ mu
    return step, (mu - fit.pre.of(mu)) / step


def test_step_and_peak_of_lines_are_exact() -> None:
    before = 0.2 - 1e-3 * (ENERGY - E0)
    after = 0.5 + 2e-3 * (ENERGY - E0) - 1e-5 * (ENERGY - E0) ** 2
    mu = before + np.where(ENERGY >= E0, after, 0.0) + np.where(ENERGY == 5471, 0.23, 0.0)
    step, normalised = _normalised(_fit(Orders(1, 2)), mu[:, None])
    assert step[0] == pytest.approx(0.5, abs=1e-12)
    assert normalised[ENERGY == 5471, 0] == pytest.approx(0.46, abs=1e-12)


def test_constants_are_means_of_the_windows() -> None:
    mu = np.random.default_rng(0).normal(size=(len(ENERGY), 3))
    relative = ENERGY - E0
    expected = mu[(relative >= 20) & (relative <= 99.5)].mean(axis=0) - mu[
        (relative >= -40) & (relative <= -15.5)
    ].mean(axis=0)
    np.testing.assert_allclose(_fit(Orders()).step @ mu, expected, atol=1e-12)


def test_a_victoreen_curve_is_taken_out_exactly() -> None:
    curve = 3e9 * (1 + 1e-4 * ENERGY) * ENERGY**-3.0
    mu = curve + np.where(ENERGY >= E0, 0.7, 0.0)
    step, normalised = _normalised(_fit(Orders(1, 0, 3.0)), mu[:, None])
    assert step[0] == pytest.approx(0.7, abs=1e-10)
    np.testing.assert_allclose(normalised[ENERGY < E0], 0, atol=1e-10)


def test_a_negative_step_keeps_its_sign() -> None:
    mu = np.where(ENERGY >= E0, -0.3, 0.0)
    assert _fit(Orders()).step @ mu == pytest.approx(-0.3)


# Step and two normalised points as larch 2026.3.1 gives them, so that its step is at a measured energy and its
# windows, open at their upper ends, hold the same energies:
#   larch.xafs.pre_edge.preedge(ENERGY, MU, e0=5482.0, pre1=-40, pre2=-15, norm1=20, norm2=100, npre=, nnorm=, nvict=)
MU = (
    0.3
    - 2e-4 * (ENERGY - 5440)
    + 0.8 * (0.5 + np.arctan((ENERGY - 5482) / 2.3) / np.pi)
    + 0.4 * np.exp(-(((ENERGY - 5471) / 1.1) ** 2))
    - 5e-4 * np.maximum(ENERGY - 5482, 0)
)


@pytest.mark.parametrize(
    ("orders", "step", "peak", "beyond"),
    [
        (Orders(0, 0), 0.7184103411360285, 0.59389909898132, 1.0119730626010797),
        (Orders(1, 1), 0.728242116391586, 0.5708662691169386, 0.9576824971337042),
        (Orders(1, 2), 0.7147451167507155, 0.5816463103493765, 0.9757670422630832),
        (Orders(1, 2, 3.0), 0.7149844430851315, 0.5815617656948163, 0.9764905130792735),
    ],
)
def test_fits_equal_larch(orders: Orders, step: float, peak: float, beyond: float) -> None:
    found, normalised = _normalised(_fit(orders), MU[:, None])
    assert found[0] == pytest.approx(step, abs=1e-10)
    assert normalised[[31, 60], 0] == pytest.approx([peak, beyond], abs=1e-10)


def test_a_short_scan_of_measured_v2o5_has_the_step_of_the_long_one(shared_data: Path) -> None:
    table = np.loadtxt(shared_data / "V2O5_13BMD.xdi")
    energy, first = np.unique(table[:, 0], return_index=True)
    mu = -np.log(table[first, 3] / table[first, 2])
    e0, short = 5483.4, np.arange(5460.0, 5521.0)
    masks = (inside(short, e0, (-23.4, -16)), inside(short, e0, (20, 36.6)))
    step = edge_fit(short, e0, *masks, Orders()).step @ np.interp(short, energy, mu)
    # The order of the long polynomial alone moves the step by 8 %.
    wide = (inside(energy, e0, (-100, -18)), inside(energy, e0, (30, energy[-1] - e0)))
    long = [edge_fit(energy, e0, *wide, Orders(1, order)).step @ mu for order in (1, 2)]
    assert long[0] < step < long[1]
    assert step == pytest.approx(np.mean(long), rel=0.02)


def test_a_line_goes_through_what_is_selected() -> None:
    selected = inside(ENERGY, E0, (-40, -30)) | inside(ENERGY, E0, (50, 60))
    line = line_fit(ENERGY, selected)
    phase = 0.1 + 0.01 * (ENERGY - E0) + np.where(selected, 0.0, 5.0)
    np.testing.assert_allclose(line.of(phase[:, None])[:, 0], 0.1 + 0.01 * (ENERGY - E0), atol=1e-10)


def test_a_window_with_too_few_energies_is_refused() -> None:
    with pytest.raises(InputError, match="the pre-edge window holds 1 energies; a polynomial of order 1 takes 2"):
        _fit(Orders(1, 0), pre=(-40.2, -39.8))
    with pytest.raises(InputError, match="no energy lies in the windows"):
        line_fit(ENERGY, np.zeros(len(ENERGY), bool))


def test_orders_are_read() -> None:
    assert parse_orders("0,0") == Orders(0, 0, 0.0)
    assert parse_orders("1,2,2.7") == Orders(1, 2, 2.7)


@pytest.mark.parametrize("text", ["", "1", "2,0", "0,3", "1,1,9", "a,b", "1,1,1,1", "0.5,1"])
def test_other_orders_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--orders"):
        parse_orders(text)
