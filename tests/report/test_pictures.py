"""Pictures: they show what the record holds, and refuse what they cannot draw."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx.errors import OutputError, UsageError
from picpxct_nx.records import FrcCurve, Reconstruction, Record
from picpxct_nx.report.pictures import draw_frc, draw_reconstructions, flat_on_border, with_power

MakeRecord = Callable[..., Record]


@pytest.fixture
def particle(make_record: MakeRecord) -> Reconstruction:
    """A disc of 1 rad and 90 % in air, on which scale, constant and ramp are free."""
    y, x = np.mgrid[:80, :80] - 40
    disc = np.hypot(y, x) < 20
    image = np.where(disc, 0.9 * np.exp(-1j), 1.0) * 3.0 * np.exp(1j * (0.4 + 0.1 * y - 0.05 * x))
    coverage = np.exp(-(y**2 + x**2) / (2 * 20.0**2)).astype(np.float32)
    axes = {"object__y": np.arange(80) * 5e-8, "object__x": np.arange(80) * 5e-8}
    record = make_record(
        "NXspecptycho_reconstruction", object__transmission=image.astype(np.complex64), object__coverage=coverage,
        phase__phase=np.angle(image).astype(np.float32), **axes,
    )  # fmt: skip
    assert isinstance(record, Reconstruction)
    return record


def test_a_picture_takes_scale_and_ramp_from_the_rim(particle: Reconstruction) -> None:
    flat = flat_on_border(particle)
    assert flat[40, 40] == pytest.approx(0.9 * np.exp(-1j), abs=1e-3)
    assert flat[40, 62] == pytest.approx(1.0, abs=1e-3)


def test_a_picture_shows_nothing_where_it_was_dark(particle: Reconstruction) -> None:
    assert np.isnan(flat_on_border(particle)[0, 0])


@pytest.mark.parametrize("ending", [".png", ".pdf", ".svg"])
def test_reconstructions_are_drawn(particle: Reconstruction, ending: str, tmp_path: Path) -> None:
    target = tmp_path / f"images{ending}"
    draw_reconstructions([particle, particle], target)
    assert target.stat().st_size > 1000


def test_a_ring_correlation_is_drawn(make_record: MakeRecord, tmp_path: Path) -> None:
    record = make_record("NXspecptycho_frc")
    assert isinstance(record, FrcCurve)
    draw_frc(record, tmp_path / "frc.png")
    assert (tmp_path / "frc.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_ending_is_refused(particle: Reconstruction, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot draw '\.xyz'"):
        draw_reconstructions([particle], tmp_path / "images.xyz")


def test_a_missing_folder_is_named(particle: Reconstruction, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="picture cannot be written"):
        draw_reconstructions([particle], tmp_path / "nowhere" / "images.png")


def test_the_ring_of_the_mean_is_not_drawn() -> None:
    assert with_power(np.array([0.0, 1.0, 2.0])) == slice(1, None)
    assert with_power(np.array([1.0, 2.0])) == with_power(np.array([0.0])) == slice(0, None)
