"""A foreign reconstruction: object and probe that another program made, and what was understood of its file."""

from dataclasses import dataclass

import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.formats.understood import Understood
from picpxct_nx.values import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class ForeignReconstruction(Understood):
    """What one file of another program holds of a reconstruction, already along our axes; checked once, here.

    Parameters
    ----------
    transmission : (H, W) complex
        Object, rows along +y and columns along +x of the laboratory.
    pixel : (float, float)
        Size of its pixels along y and x, m.
    origin : (float, float)
        Coordinate of pixel (0, 0) along y and x, m.
    probe : (modes, h, w) complex
        On pixels of the same size, centred at [h // 2, w // 2].
    positions : (n, 2) float64, optional
        Where the middle of the probe meets the object, y and x, m.
    frame : (n,) int, optional
        Number of the frame of each position.
    error : (iterations,) float64, optional
        What the program minimised, an iteration each.

    Raises
    ------
    InputError
        Shapes contradict each other, or numbers are not finite.
    """

    transmission: Array
    pixel: tuple[float, float]
    origin: tuple[float, float]
    probe: Array
    positions: Array | None = None
    frame: Array | None = None
    error: Array | None = None

    def __post_init__(self) -> None:
        for what, array, rank in (("object", self.transmission, 2), ("probe", self.probe, 3)):
            self.want_rank(what, array, rank, f"{rank} dimensions of complex numbers")
            if array.dtype.kind not in "fc":
                raise InputError(f"{self.name}: the {what} is of type {array.dtype}; wanted complex numbers")
            self.want_finite(what, array, "did the reconstruction fail?")
        if not all(np.isfinite(size) and size > 0 for size in self.pixel):
            raise InputError(f"{self.name}: the object's pixel is {self.pixel} m; wanted positive numbers")
        self.want_finite("object's first pixel", np.array(self.origin), "wanted metres along y and x")
        if self.positions is not None:
            self.want_rank("positions", self.positions, 2, "(n, 2)")
            self.want_shape("positions", self.positions, (len(self.positions), 2), "y and x")
            self.want_finite("positions", self.positions, "wanted numbers, all finite")


def one_layer(image: Array, where: str) -> tuple[Array, list[str]]:
    """The one image of an object that may have an axis of layers before rows and columns.

    Raises
    ------
    InputError
        It has several.
    """
    if image.ndim < 2 or 0 in image.shape:
        raise InputError(f"{where}: has shape {image.shape}; wanted an image (rows, columns)")
    layers = image.reshape(-1, *image.shape[-2:])
    if len(layers) != 1:
        raise InputError(
            f"{where}: has {len(layers)} layers of {image.shape[-2:]}; a reconstruction of ours is one projection"
        )
    return layers[0], []
