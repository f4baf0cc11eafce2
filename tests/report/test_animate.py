"""Animations: one frame an energy, and what cannot be made is refused before any work."""

from pathlib import Path

import numpy as np
import pytest

from picpxct_nx.errors import OutputError, UnavailableError, UsageError
from picpxct_nx.records import NormalizedCube
from picpxct_nx.report import animate
from picpxct_nx.report.spectral import stack_of


def test_a_gif_has_a_frame_an_energy(spectra: NormalizedCube, tmp_path: Path) -> None:
    from PIL import Image

    assert animate.animate(spectra, tmp_path / "a.gif") == 3
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 3  # type: ignore[attr-defined]
        film.seek(1)
        middle = np.asarray(film.convert("RGB")).astype(int)
        film.seek(0)
        assert np.abs(middle - np.asarray(film.convert("RGB"))).max() > 50
    with pytest.raises(OutputError, match="exists already"):
        animate.animate(spectra, tmp_path / "a.gif")


def test_frames_have_even_sides_and_grow_upwards(spectra: NormalizedCube) -> None:
    stack = stack_of(spectra)
    first, *_ = animate.frames(stack, animate.named(stack, "XANES"))
    assert all(side % 2 == 0 for side in first.shape[:2])
    # The first rows of the map are masked; they are at the bottom.
    zoom = -(-280 // 40)
    column = first[22 : 22 + 30 * zoom, 100]
    assert (column[-1] == 0x22).all()
    assert not (column[0] == 0x22).all()


def test_a_film_without_ffmpeg_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(UnavailableError, match="MP4 needs ffmpeg"):
        animate.check_ending(Path("a.mp4"))


def test_what_cannot_be_animated_is_a_usage_error(spectra: NormalizedCube, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot animate"):
        animate.check_ending(Path("a.avi"))
    with pytest.raises(UsageError, match="wanted one of XANES, XPNES"):
        animate.animate(spectra, tmp_path / "a.gif", quantity="phase")
    with pytest.raises(UsageError, match="frames a second"):
        animate.animate(spectra, tmp_path / "a.gif", rate=1000)
