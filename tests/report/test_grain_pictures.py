"""Pictures of grain maps: colours are told apart, pictures are drawn, and tables read back."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx.errors import UsageError
from picpxct_nx.records import GrainMap, Record
from picpxct_nx.report.grain_pictures import PALETTES, composite, direction_colours, draw_grains, path_of, square_pair
from picpxct_nx.report.grain_table import as_csv, write_table


@pytest.fixture
def grains(make_record: Callable[..., Record]) -> GrainMap:
    """A grain map with every field filled."""
    record = make_record("NXspecptycho_grainmap")
    assert isinstance(record, GrainMap)
    return record


@pytest.mark.parametrize("palette", PALETTES)
def test_a_picture_is_drawn_in_every_palette_and_kind(grains: GrainMap, tmp_path: Path, palette: str) -> None:
    for ending in ("png", "svg"):
        draw_grains(grains, palette, tmp_path / f"{palette}.{ending}")
        assert (tmp_path / f"{palette}.{ending}").stat().st_size > 5000


@pytest.mark.parametrize("palette", PALETTES)
def test_pure_signals_have_the_colours_of_the_palette(palette: str) -> None:
    first, second = PALETTES[palette]
    colours = composite(np.array([1.0, 0.0, 0.0, np.nan]), np.array([0.0, 1.0, 0.0, 1.0]), palette)
    np.testing.assert_allclose(colours[:3], np.stack([first, second, np.zeros(3)]))
    assert (colours[3] > 0).all()


def test_directions_half_a_turn_apart_have_one_colour() -> None:
    ends = direction_colours(np.array([0.0, np.pi - 1e-9, np.pi / 2]))
    np.testing.assert_allclose(ends[0], ends[1], atol=0.02)
    assert np.abs(ends[0] - ends[2]).max() > 0.5


def test_the_two_polarisations_nearest_to_a_right_angle_are_shown() -> None:
    assert square_pair(np.deg2rad([45.0, 0.0, 135.0, 85.0])) in ((0, 2), (2, 0))
    assert square_pair(np.deg2rad([90.0, 0.0])) == (1, 0)


def test_a_second_picture_has_the_name_of_its_entry(grains: GrainMap) -> None:
    assert path_of(Path("a/g.png"), [grains]) == Path("a/g.png")
    assert path_of(Path("a/g.png"), [grains, grains]) == Path("a/g_scan_S00001.png")


def test_an_unknown_palette_is_refused(grains: GrainMap, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--palette 'grey' is not known"):
        draw_grains(grains, "grey", tmp_path / "g.png")


def test_the_table_says_units_and_source_and_reads_back(grains: GrainMap, tmp_path: Path) -> None:
    write_table([grains, grains], tmp_path / "g.csv")
    comment, *lines = (tmp_path / "g.csv").read_text("utf-8").splitlines()
    assert grains.uuid in comment
    rows = list(csv.DictReader(lines))
    assert len(rows) == 2 * len(grains.grain_id)
    got = [float(row["mean_orientation (deg)"]) for row in rows[: len(grains.grain_id)]]
    np.testing.assert_allclose(got, np.rad2deg(grains.mean_orientation), rtol=1e-5)
    assert as_csv([grains]).count("\n") == 2 + len(grains.grain_id)
