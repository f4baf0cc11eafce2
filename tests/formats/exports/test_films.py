"""A cube becomes a film with a frame for each energy."""

import io
from pathlib import Path

import pytest
from PIL import Image

from picpxct_nx import nexus
from picpxct_nx.errors import PicpxctError, UsageError
from picpxct_nx.formats import exports

SAMPLES = Path(__file__).parents[3] / "sample_data"


@pytest.fixture
def film() -> io.BytesIO:
    return io.BytesIO()


def _made(sample: str, name: str, sink: io.BytesIO, *, image: str | None = None) -> None:
    wanted = exports.find(name)
    with nexus.open_valid(SAMPLES / sample, sample) as file:
        for entry in nexus.entries(file):
            choices = exports.choose(wanted, {"image": image})
            for product in exports.products(nexus.read(file, entry), wanted, choices):
                product.write(sink)


def test_a_film_has_a_frame_for_each_energy(film: io.BytesIO) -> None:
    _made("registered.nxs", "gif", film)
    assert getattr(Image.open(film), "n_frames", 1) == 6


def test_a_film_shows_the_image_that_is_named(film: io.BytesIO) -> None:
    other = io.BytesIO()
    _made("normalized.nxs", "gif", film, image="xpnes")
    _made("normalized.nxs", "gif", other, image="xanes")
    assert film.getvalue()[:6] == b"GIF89a"
    assert film.getvalue() != other.getvalue()


@pytest.mark.parametrize("image", ["grain", "xanes,phase"])
def test_a_film_of_no_or_two_images_is_refused(film: io.BytesIO, image: str) -> None:
    with pytest.raises(UsageError, match="a film shows"):
        _made("registered.nxs", "gif", film, image=image)


def test_a_film_of_one_image_is_refused(film: io.BytesIO) -> None:
    with pytest.raises(PicpxctError, match="gif takes a spectral cube or normalised cube"):
        _made("flattened.nxs", "gif", film)
