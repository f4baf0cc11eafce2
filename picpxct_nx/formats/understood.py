"""What a foreign scan, reconstruction and spectrum have in common: where they come from, and checks of their arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.provenance import Input
from picpxct_nx.values import Array, ArraySource, Value


@dataclass(frozen=True, kw_only=True, eq=False)
class Understood:
    """What was understood of one foreign file, whatever it holds.

    Parameters
    ----------
    name : str
        Name of the file, for messages.
    format : str
        Which reader made this.
    inputs : tuple of Input
        Every file that was read, by the SHA-256 of its bytes.
    metadata : mapping
        Values by path of the definition, in the definition's units.
    options : mapping
        What the user said about the file, as text.
    notes : tuple of str
        A sentence for every alias, assumption and conversion.
    """

    name: str
    format: str
    inputs: tuple[Input, ...]
    metadata: Mapping[str, Value] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def want_rank(self, what: str, array: ArraySource, rank: int, wanted: str) -> None:
        """Refuse an array that is empty or has not so many axes; `wanted` says what they are, and the remedy.

        Raises
        ------
        InputError
        """
        shape = tuple(array.shape)
        if len(shape) != rank or 0 in shape:
            raise InputError(f"{self.name}: the {what} {_has(what)} shape {shape}; wanted {wanted}")

    def want_shape(self, what: str, array: ArraySource, shape: tuple[int, ...], wanted: str) -> None:
        """Refuse an array of another shape; `wanted` says whose shape that is.

        Raises
        ------
        InputError
        """
        found = tuple(array.shape)
        if found != shape:
            raise InputError(f"{self.name}: the {what} {_has(what)} shape {found}; wanted {shape}, {wanted}")

    def want_finite(self, what: str, array: Array, remedy: str) -> None:
        """Refuse an array with numbers that are none, and say where the first is.

        Raises
        ------
        InputError
        """
        finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if not finite.all():
            first = int(np.argmin(finite))
            holds = "hold" if what.endswith("s") else "holds"
            raise InputError(
                f"{self.name}: the {what} {holds} NaN or infinity, first at index {first} of {len(array)}; {remedy}"
            )


def _has(what: str) -> str:
    return "have" if what.endswith("s") else "has"
