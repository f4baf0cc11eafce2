"""Features of images: zero in air, and seen through a window that ends inside the known field."""

import numpy as np
import pytest

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.images import features


@pytest.mark.parametrize("name", features.FEATURES)
def test_a_feature_is_zero_in_air_and_not_where_matter_begins(name: features.Feature) -> None:
    image = np.ones((40, 40), complex)
    image[:, 20:] = 0.9 * np.exp(-0.4j)
    found = features.extract(image, name)
    assert np.abs(found[:, :14]).max() == 0
    assert np.abs(found[:, 20]).min() > 0.05
    assert found.dtype == (np.complex64 if name == "t-1" else np.float32)


def test_the_gradient_of_a_wedge_is_its_slope() -> None:
    x = np.arange(64.0)
    image = 1 + 0.01 * (3 + 4j) * np.maximum(x - 32, 0) * np.ones((40, 1))
    found = features.extract(image, "gradient", np.broadcast_to(x < 20, image.shape))
    np.testing.assert_allclose(found[:, 40:58], 0.05, rtol=1e-4)


def test_what_noise_makes_of_a_gradient_in_air_is_taken_off() -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, (2, 64, 64))
    found = features.extract(1 + noise[0] + 1j * noise[1], "gradient")
    assert abs(np.median(found)) < 1e-7
    assert np.abs(found).max() < 0.05


def test_the_window_ends_inside_the_known_field_whatever_its_shape() -> None:
    y, x = np.mgrid[:80, :90]
    known = (np.hypot(y - 40, x - 45) < 38) & (y < 70)
    window = features.window(known)
    assert window.max() == 1
    assert np.all(window[~known] == 0)
    edge = known & ~(np.roll(known, 1, 0) & np.roll(known, -1, 0) & np.roll(known, 1, 1) & np.roll(known, -1, 1))
    assert np.all(window[edge] == 0)


def test_a_field_that_holds_no_window_is_refused() -> None:
    known = np.zeros((64, 64), bool)
    known[:, 20:32] = True
    with pytest.raises(InputError, match=r"reaches only 6 px .* scan a larger field"):
        features.window(known)


def test_an_unknown_feature_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="wanted one of gradient, phase, t-1"):
        features.feature("od")
