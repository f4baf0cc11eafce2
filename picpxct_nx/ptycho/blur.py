"""Gaussian means over the detector, whose zero frequency lies at the corner of the array, and their adjoint."""

import torch
from torch import Tensor


def kernel(size: int, width: float, like: Tensor) -> Tensor:
    """Gaussian means along one axis of the detector, weights that would lie beside it shared among the others.

    Parameters
    ----------
    size : int
        Pixels, zero frequency first.
    width : float
        Standard deviation, pixels.
    like : Tensor
        On whose device.

    Returns
    -------
    (size, size) float32, each row with the sum 1
    """
    # The detector ends in the middle of the array, and its other end is no neighbour.
    place = torch.fft.fftfreq(size, 1 / size, device=like.device)
    found = torch.exp(-((place[:, None] - place) / width).square() / 2)
    return found / found.sum(1, keepdim=True)


def smooth(image: Tensor, width: float) -> Tensor:
    """S times a detector image: Gaussian means of it.

    Parameters
    ----------
    image : (h, w) float32
        Zero frequency at the corner.
    width : float
        Standard deviation, pixels; 0 changes nothing.

    Returns
    -------
    (h, w) float32
    """
    if not width:
        return image
    rows, columns = (kernel(size, width, image) for size in image.shape)
    return rows @ image @ columns.mT


def spread(image: Tensor, width: float) -> Tensor:
    """S^T times a detector image, the adjoint of `smooth`: what falls on a pixel is shared among those around."""
    if not width:
        return image
    rows, columns = (kernel(size, width, image) for size in image.shape)
    return rows.mT @ image @ columns
