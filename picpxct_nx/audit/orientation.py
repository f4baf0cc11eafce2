"""The eight ways in which recorded axes can lie in the laboratory, and which of them diffraction can tell apart.

Let a scan be recorded with frames that should be turned by g and stage positions that should be turned by h, both of
the eight rotations and reflections of a square (the group D4). If object O and probe P explain the frames I at the
positions r, then

    k O and k P      explain the frames k I at the positions k r, for every k of D4  (the laboratory turned as a whole),
    O* and P*        explain the frames -I at the same positions r                    (I turned by 180 degrees),

for F[f*](q) = F[f]*(-q). So (g, h) fits as well as (k g, k h) and as (-k g, k h): 64 pairs fall into 4 classes of 16.
What is left is t = g^-1 h up to its sign, an element of D4 / {1, -1}, which is the group of four

    {1, -1}  both as recorded;   {y, -y}  one axis reversed;   {swap, -swap}  exchanged;   {turn, -turn}  by 90 degrees.

D4 / {1, -1} is abelian, so that (g, h) -> g^-1 h {1, -1} is a homomorphism and its kernel is the group of degenerate
pairs. The four classes have different misfits. Within a class t and -t have equal ones and conjugate objects: physics
has to decide (`sign`). The k is left open by any far-field data: t is known, and whether stage or frames are to be
corrected is for the user, who knows which of them is right; a mirror image remains a mirror image.

The second relation is the twin image of phase retrieval: J. R. Fienup & C. C. Wackerman, J. Opt. Soc. Am. A 3, 1897
(1986), doi 10.1364/JOSAA.3.001897. Negated positions with O*(-r) and P*(-r) are the same with k = -1.
"""

from dataclasses import dataclass

import numpy as np

from picpxct_nx.errors import UsageError
from picpxct_nx.values import Array

Directions = tuple[str, str]


@dataclass(frozen=True)
class Orientation:
    """Which recorded axis runs along the laboratory's y and x, and its sign: y = sign * recorded axis.

    `y` and `x` are one of +y, -y, +x, -x each. As a matrix on (y, x) it is orthogonal with entries 0, 1, -1.
    """

    y: str
    x: str

    @property
    def matrix(self) -> Array:
        """(2, 2) on columns (y, x)."""
        return np.array([[int(f"{text[0]}1") if text[1] == axis else 0 for axis in "yx"] for text in self.pair])

    @property
    def pair(self) -> Directions:
        """Recorded directions along y and x."""
        return self.y, self.x

    @property
    def swaps(self) -> bool:
        """Whether the axes are exchanged."""
        return self.y[1] == "x"

    def __matmul__(self, other: "Orientation") -> "Orientation":
        """First `other`, then this one."""
        return from_matrix(self.matrix @ other.matrix)

    def __neg__(self) -> "Orientation":
        """Turned on by 180 degrees."""
        return from_matrix(-self.matrix)

    @property
    def inverse(self) -> "Orientation":
        """What undoes it."""
        return from_matrix(self.matrix.T)

    def of(self, y: Array, x: Array) -> tuple[Array, Array]:
        """Coordinates (n,) along the laboratory's y and x of recorded ones."""
        recorded = {"y": y, "x": x}
        made = [recorded[text[1]] * (-1.0 if text[0] == "-" else 1.0) + 0.0 for text in self.pair]
        return made[0], made[1]

    def direction(self, recorded: str) -> str:
        """Laboratory direction, such as -y, of a direction that was recorded as +x, for example."""
        column = self.matrix[:, "yx".index(recorded[1])] * (-1 if recorded[0] == "-" else 1)
        axis = int(np.argmax(np.abs(column)))
        return ("-" if column[axis] < 0 else "+") + "yx"[axis]

    def words(self) -> str:
        """What it does to recorded axes, in words."""
        return _WORDS[self.pair]

    def __str__(self) -> str:
        return f"{self.y},{self.x}"


def from_matrix(matrix: Array) -> Orientation:
    """Orientation of a signed permutation matrix (2, 2) on columns (y, x)."""
    rows = []
    for row in matrix:
        axis = int(np.argmax(np.abs(row)))
        rows.append(("-" if row[axis] < 0 else "+") + "yx"[axis])
    return Orientation(rows[0], rows[1])


def parse(text: str, what: str) -> Orientation:
    """Orientation that `-y,+x` writes: the recorded directions along the laboratory's y and x.

    Raises
    ------
    UsageError
        The text is no such pair.
    """
    parts = tuple(part.strip() for part in text.split(","))
    if parts not in _WORDS:
        known = " ".join(f"{y},{x}" for y, x in _WORDS)
        raise UsageError(f"{what} '{text}': wanted the recorded directions along y and x, one of {known}")
    return Orientation(parts[0], parts[1])


_WORDS: dict[tuple[str, ...], str] = {
    ("+y", "+x"): "as recorded",
    ("-y", "-x"): "y and x reversed",
    ("-y", "+x"): "y reversed",
    ("+y", "-x"): "x reversed",
    ("+x", "+y"): "y and x exchanged",
    ("-x", "-y"): "y and x exchanged and both reversed",
    ("+x", "-y"): "turned by 90 degrees from x towards y",
    ("-x", "+y"): "turned by 90 degrees from y towards x",
}
AS_RECORDED = Orientation("+y", "+x")
# Neighbours are twins: the same misfit, conjugate objects.
ALL: tuple[Orientation, ...] = tuple(Orientation(y, x) for y, x in _WORDS)
# The first of each class of two.
CLASSES: tuple[Orientation, ...] = ALL[::2]


def class_of(orientation: Orientation) -> Orientation:
    """First of the two orientations that only the sign of the phase tells apart."""
    return orientation if orientation in CLASSES else -orientation


def equivalents(relative: Orientation) -> list[tuple[Orientation, Orientation]]:
    """The eight pairs (frames g, stage h) with g^-1 h = `relative`: one physics in a turned or mirrored laboratory.

    In the order of `ALL` for the frames, so that the first pair leaves the frames as they are.
    """
    return [(g, g @ relative) for g in ALL]
