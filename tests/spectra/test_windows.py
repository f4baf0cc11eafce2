"""Windows: how they are written, and what they hold."""

import numpy as np
import pytest

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.spectra.windows import Window, closed, drop_window, inside, parse_window, sides

ENERGY, E0 = np.arange(5460.0, 5521.0, 1.0), 5483.4


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("-21.5:-16 eV", Window(-21.5, -16.0)),
        (":-16 eV", Window(None, -16.0)),
        ("20: eV", Window(20.0, None)),
        ("0.02 : 0.03 keV", Window(20.0, 30.0)),
    ],
)
def test_windows_are_read_with_their_units(text: str, window: Window) -> None:
    found = parse_window(text, "--pre")
    assert (found.low_ev, found.high_ev) == pytest.approx((window.low_ev, window.high_ev))


@pytest.mark.parametrize("text", ["", ":", "5", "-21:-16", ": eV", "a:b eV", "1:2:3 eV", "20:10 eV", "1:2 m", "5:5 eV",
                                  "5461:5468 eV", "20:inf eV"])  # fmt: skip
def test_other_texts_are_refused_with_the_option(text: str) -> None:
    with pytest.raises(UsageError):
        parse_window(text, "--pre")


def test_windows_lie_on_their_side_of_the_edge() -> None:
    sides(Window(None, -1.0), Window(1.0, None))
    wrong_pre: list[tuple[float, float | None]] = [(-9, 0), (-9, None), (1, 2)]
    wrong_post: list[tuple[float | None, float]] = [(-0.5, 9), (None, 9), (0, 9)]
    for low, high in wrong_pre:
        with pytest.raises(UsageError, match="--pre"):
            sides(Window(low, high), Window(1.0, 2.0))
    for start, end in wrong_post:
        with pytest.raises(UsageError, match="--post"):
            sides(Window(-9.0, -1.0), Window(start, end))


def test_open_ends_are_the_last_energies() -> None:
    assert closed(Window(None, -16.0), ENERGY, E0, "pre-edge") == (-23.4, -16.0)
    assert closed(Window(20.0, None), ENERGY, E0, "post-edge") == (20.0, 36.6)
    assert inside(ENERGY, E0, (-23.4, -22.4)).sum() == 2


def test_the_one_energy_at_an_end_makes_a_window() -> None:
    sparse = np.array([5460.0, 5482.0, 5515.0])
    low, high = closed(Window(None, -20.0), sparse, E0, "pre-edge")
    assert low < high
    assert inside(sparse, E0, (low, high)).sum() == 1


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (Window(-30.0, -16.0), "begins at -30 eV"),
        (Window(20.0, 40.0), "ends at 40 eV"),
        (Window(50.0, None), "no energy lies"),
        (Window(None, -40.0), "no energy lies"),
        (Window(-22.3, -22.0), "no energy lies"),
    ],
)
def test_a_window_beyond_the_energies_is_refused(window: Window, words: str) -> None:
    with pytest.raises(InputError, match=words):
        closed(window, ENERGY, E0, "pre-edge")


def test_the_drop_is_at_the_extremum_near_the_edge() -> None:
    shape = np.exp(-(((ENERGY - 5482) / 5) ** 2)) + 3 * np.exp(-(((ENERGY - 5470) / 2) ** 2))
    assert drop_window(ENERGY, shape, E0) == pytest.approx((-3.4, 0.6))
    with pytest.raises(InputError, match="no energy lies within"):
        drop_window(ENERGY[:5], shape[:5], E0)
