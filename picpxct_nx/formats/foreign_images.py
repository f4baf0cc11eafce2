"""A foreign reconstruction: object and probe that another program made, and what was understood of its file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.provenance import Input
from picpxct_nx.values import Array, Value


@dataclass(frozen=True, kw_only=True, eq=False)
class ForeignReconstruction:
    """What one file of another program holds of a reconstruction, already along our axes; checked once, here.

    Parameters
    ----------
    name : str
        Name of the file, for messages.
    format : str
        Which reader made this.
    inputs : tuple of Input
        Every file that was read, by the SHA-256 of its bytes.
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
    metadata : mapping
        Values by path of the definition, in the definition's units.
    options : mapping
        What the user said about the file, as text.
    notes : tuple of str
        A sentence for every alias, assumption and conversion.

    Raises
    ------
    InputError
        Shapes contradict each other, or numbers are not finite.
    """

    name: str
    format: str
    inputs: tuple[Input, ...]
    transmission: Array
    pixel: tuple[float, float]
    origin: tuple[float, float]
    probe: Array
    positions: Array | None = None
    frame: Array | None = None
    error: Array | None = None
    metadata: Mapping[str, Value] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, array, rank in (("object", self.transmission, 2), ("probe", self.probe, 3)):
            if array.ndim != rank or 0 in array.shape or array.dtype.kind not in "fc":
                raise InputError(
                    f"{self.name}: the {what} has shape {array.shape} and type {array.dtype}; wanted {rank} dimensions "
                    "of complex numbers"
                )
            if not np.isfinite(array).all():
                raise InputError(f"{self.name}: the {what} holds NaN or infinity; did the reconstruction fail?")
        if not all(np.isfinite(size) and size > 0 for size in self.pixel):
            raise InputError(f"{self.name}: the object's pixel is {self.pixel} m; wanted positive numbers")
        if not np.isfinite(self.origin).all():
            raise InputError(f"{self.name}: the object's first pixel is at {self.origin} m; wanted finite numbers")
        if self.positions is not None and not (
            self.positions.ndim == 2 and self.positions.shape[1] == 2 and np.isfinite(self.positions).all()
        ):
            raise InputError(f"{self.name}: the positions have shape {self.positions.shape}; wanted (n, 2), finite")


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
