"""Films: ffmpeg makes an MP4 of a cube, and decodes it to the pictures that went in."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx import nexus
from picpxct_nx.formats import exports
from picpxct_nx.records import SpectralCube
from picpxct_nx.report import animate
from picpxct_nx.report.spectral import stack_of

from .conftest import peer

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

SAMPLE = Path(__file__).parents[2] / "sample_data" / "registered.nxs"


def test_an_mp4_shows_an_energy_a_frame_and_its_colours(tmp_path: Path) -> None:
    ffmpeg, wanted, film = peer("imageio_ffmpeg").get_ffmpeg_exe(), exports.find("mp4"), tmp_path / "film.mp4"
    with nexus.open_valid(SAMPLE, SAMPLE.name) as file:
        cube = nexus.read(file, next(iter(nexus.entries(file))))
        assert isinstance(cube, SpectralCube)
        (product,) = exports.products(cube, wanted, exports.choose(wanted, {"image": "phase"}))
        product.write(film)
        stack = stack_of(cube)
        pictures = np.stack(list(animate.frames(stack, animate.named(stack, "phase"))))
    words = [ffmpeg, "-loglevel", "error", "-i", str(film), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(words, capture_output=True, check=True).stdout
    shown = np.frombuffer(raw, np.uint8).reshape(pictures.shape)
    # Films have half as many pixels of colour as of brightness.
    np.testing.assert_allclose(shown.mean(axis=3), pictures.mean(axis=3), atol=60)
    assert np.abs(shown.astype(float) - pictures).mean() < 3
