"""Light that changes its polarisation on the way: the Jones matrix of every ray through a particle of grains.

The scalar model of `phantom.transmission` lets light keep its polarisation. A crystal whose axis lies between x and y
passes the two halves of the light with different phase and loss, so that some of it leaves with the other
polarisation. On the detector the two do not interfere.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .phantom import Layer, Phantom
from .spectra import along, optical_constants, wavelength

Complexes = NDArray[np.complex128]


@dataclass(frozen=True)
class Jones:
    """Transmissions (h, w) by polarisation: `xx` from x to x, `xy` from x to y, `yx` from y to x, `yy` from y to y."""

    xx: Complexes
    xy: Complexes
    yx: Complexes
    yy: Complexes


def jones(phantom: Phantom, layers: Iterable[Layer], *, shape: tuple[int, int], energy_ev: float) -> Jones:
    """Jones matrices of a particle's projection.

    Grain after grain along z, J = prod_g exp(i k t_g (-delta_0 + i beta_0)) [1 + (exp(i k t_g s_g^2 d) - 1) u_g u_g^T]
    with the index along minus that across the axis d = (-delta_1 + i beta_1) - (-delta_0 + i beta_0), and the axis
    seen along the beam c_t = s u. Diffraction within the particle is left out.

    Parameters
    ----------
    phantom : Phantom
    layers : of the phantom, in its order, on (h, w); in each pixel they are passed in the order of their depth
    shape : (h, w)

    Returns
    -------
    Jones, dimensionless

    References
    ----------
    R. C. Jones, J. Opt. Soc. Am. 31, 488 (1941), doi 10.1364/JOSA.31.000488.
    """
    constants, k = optical_constants(energy_ev), 2 * np.pi / wavelength(energy_ev)
    across, parallel = ((-delta[0] + 1j * beta[0]) for delta, beta in (along(constants, w) for w in (0.0, 1.0)))
    thickness, depth, box = _gathered(list(layers))
    matrix = np.zeros((2, 2, *shape), dtype=np.complex128)
    matrix[0, 0] = matrix[1, 1] = 1
    inside = matrix[:, :, box[0], box[1]]
    axes = np.array([grain.axis[:2] for grain in phantom.grains])
    order = np.argsort(depth, axis=0)
    for rank in range(int((thickness > 0).sum(axis=0).max(initial=0))):
        grain = order[rank]
        length = np.take_along_axis(thickness, grain[None], axis=0)[0]
        extra = np.expm1(1j * k * (parallel - across) * length * np.sum(axes**2, axis=1)[grain])
        u_x, u_y = (_unit(axes)[grain, way] for way in (0, 1))
        # The wave is a row of the matrix for light that comes in as x, and one for y.
        along_axis = extra * (u_x * inside[:, 0] + u_y * inside[:, 1])
        inside[:, 0] += along_axis * u_x
        inside[:, 1] += along_axis * u_y
    inside *= np.exp(1j * k * across * thickness.sum(axis=0))
    return Jones(matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1])


def _unit(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Directions of the axes seen along the beam, any for one that is along it."""
    length = np.linalg.norm(axes, axis=1, keepdims=True)
    return np.where(length > 0, axes / np.where(length > 0, length, 1.0), (1.0, 0.0))


def _gathered(layers: list[Layer]) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[slice, slice]]:
    """Thickness and depth (G, h', w') on the smallest part of the image that holds all layers, and where that is."""
    rows, columns = ([layer.place[way] for layer in layers if layer.thickness.size] for way in (0, 1))
    if not rows:
        return np.zeros((len(layers), 0, 0)), np.zeros((len(layers), 0, 0)), (slice(0, 0), slice(0, 0))
    top, left = (min(cut.start for cut in cuts) for cuts in (rows, columns))
    box = tuple(slice(start, max(cut.stop for cut in cuts)) for start, cuts in ((top, rows), (left, columns)))
    shape = (len(layers), *(cut.stop - cut.start for cut in box))
    thickness, depth = np.zeros(shape), np.full(shape, np.inf)
    for number, layer in enumerate(layers):
        place = tuple(
            slice(cut.start - start, cut.stop - start) for cut, start in zip(layer.place, (top, left), strict=True)
        )
        thickness[number][place] = layer.thickness
        depth[number][place] = np.where(layer.thickness > 0, layer.depth, np.inf)
    return thickness, depth, (box[0], box[1])
