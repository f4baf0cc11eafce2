"""Chords of rays and quarter turns of images, as tests of particles need them."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.simulate import phantom

Scalar = TypeVar("Scalar", bound=np.generic)


def chord_length(grain: phantom.Grain, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length in metres of rays along z inside a grain, exact, for ray positions (y, x) in metres."""
    bottom, top = phantom.interval(grain, y, x)
    return np.asarray(np.maximum(top - bottom, 0.0))


def quarter_turn(image: NDArray[Scalar], turns: int) -> NDArray[Scalar]:
    """Turn an image (h, h) by `turns` times 90 degrees from x towards y about the pixel [h // 2, h // 2].

    numpy's rot90 turns about the middle of the array, which for even h lies half a pixel before our origin. There
    the first row or column has no partner, and the one that the turn leaves empty is filled from the other side.
    """
    even = image.shape[0] % 2 == 0
    for _ in range(turns % 4):
        # On [y, x] with y growing by row, x towards y is what rot90 calls clockwise.
        image = np.rot90(image, -1)
        if even:
            image = np.roll(image, 1, axis=1)
    return image
