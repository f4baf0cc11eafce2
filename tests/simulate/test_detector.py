"""The detector's blind pixels: modules, chips, dead pixels and the beamstop, where an Eiger has them."""

import numpy as np
import pytest

from picpxct_nx.errors import UsageError
from picpxct_nx.simulate import detector


def test_eiger_has_three_modules_with_gaps_between_them() -> None:
    mask = detector.sensor_mask("eiger-1.5m")
    assert mask is not None
    assert mask.shape == (1614, 1030)
    blind = np.flatnonzero((mask == detector.GAP).all(axis=1))
    # Counted from one: rows 515 to 550 and 1065 to 1100 are gaps, beside them only the seams between chips.
    gaps = {*range(514, 550), *range(1064, 1100)}
    assert set(blind) - gaps == {256, 257, 806, 807, 1356, 1357}
    assert gaps <= set(blind)
    columns = np.flatnonzero((mask == detector.GAP).all(axis=0))
    np.testing.assert_array_equal(columns, [256, 257, 514, 515, 772, 773])


def test_frame_is_the_part_of_the_sensor_about_the_beam() -> None:
    whole = detector.sensor_mask("eiger-1.5m")
    assert whole is not None
    found = detector.window_of("eiger-1.5m", 440, (720, 640))
    np.testing.assert_array_equal(found, whole[500:940, 420:860])
    assert found[220, 220] == 0
    assert not detector.window_of("none", 64, (0, 0)).any()


@pytest.mark.parametrize("centre", [(100, 640), (1500, 640), (720, 900)])
def test_frame_beyond_the_sensor_is_refused(centre: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match=r"reach beyond the 1614 x 1030 pixels of eiger-1\.5m; move the beam"):
        detector.window_of("eiger-1.5m", 440, centre)


def test_unknown_sensor_is_refused() -> None:
    with pytest.raises(UsageError, match=r"sensor 'pilatus' is not known; wanted one of none, eiger-1\.5m"):
        detector.sensor_mask("pilatus")


def test_dead_pixels_are_so_many_and_not_more_than_there_are() -> None:
    empty = np.zeros((16, 16), np.int32)
    found = detector.dead_pixels(empty, 7, np.random.default_rng(0))
    assert np.sum(found == detector.DEAD) == 7
    assert not empty.any()
    with pytest.raises(UsageError, match="n_dead_pixels = 257 is more than the 256 pixels"):
        detector.dead_pixels(empty, 257, np.random.default_rng(0))


def test_beamstop_shadows_a_disc_where_the_beam_goes() -> None:
    found = detector.beamstop(np.zeros((64, 64), np.int32), 20.0)
    assert np.sum(found == detector.BEAMSTOP) == pytest.approx(np.pi * 100, rel=0.03)
    rows, columns = np.nonzero(found)
    assert (rows.mean(), columns.mean()) == pytest.approx((32, 32), abs=0.6)
    assert not detector.beamstop(np.zeros((64, 64), np.int32), 0.0).any()
