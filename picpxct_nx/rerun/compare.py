"""A product that was made again, compared with the stored one, value by value."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from picpxct_nx import provenance
from picpxct_nx.records import Record
from picpxct_nx.values import Array, ArraySource, Value, blocks

Agreement = Literal["equal", "close", "different"]

# What names products, which a rerun makes anew, and when; nothing that was measured or computed.
_NAMES = re.compile(r"(entry_identifier_uuid|projections/source_uuid|.*@NX_class)\Z")


@dataclass(frozen=True)
class Difference:
    """How one value of a rerun differs from the stored one.

    `relative` is the root mean square of the difference over that of the stored values, over those finite in both;
    infinite where shapes, types, texts, or which values are finite, differ.
    """

    path: str
    agreement: Agreement
    relative: float
    largest: float = float("nan")
    told: str = ""


@dataclass(frozen=True)
class Comparison:
    """All values of a product against a rerun; `differences` holds those that are not equal."""

    values: int
    arrays: int
    differences: tuple[Difference, ...]

    @property
    def agreement(self) -> Agreement:
        """The worst of all."""
        found = {one.agreement for one in self.differences}
        return "different" if "different" in found else "close" if "close" in found else "equal"

    @property
    def relative(self) -> float:
        """The largest relative difference."""
        return max((one.relative for one in self.differences), default=0.0)

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain values."""
        rows = [
            {
                "path": d.path,
                "agreement": d.agreement,
                "relative": _finite(d.relative),
                "largest": _finite(d.largest),
                "told": d.told,
            }
            for d in self.differences
        ]
        return {"agreement": self.agreement, "values": self.values, "arrays": self.arrays, "differences": rows}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def compare(stored: Record, again: Record, tolerance: float, leave_out: Collection[str] = ()) -> Comparison:
    """Compare every value of two records, histories and UUIDs left out.

    Parameters
    ----------
    stored, again : Record
        The product as it is kept, and as the rerun made it.
    tolerance : float
        Relative difference, root mean square, up to which an array is close.
    leave_out : collection of str
        Paths that say when a product was made.
    """
    old, new = (
        {p: v for p, v in one.to_values().items() if _counts(p) and p not in leave_out} for one in (stored, again)
    )
    differences = [
        Difference(path, "different", float("inf"), told="stands in one of them only")
        for path in sorted(old.keys() ^ new.keys())
    ]
    arrays = 0
    for path in sorted(old.keys() & new.keys()):
        arrays += not isinstance(old[path], str | bool | int | float)
        found = _difference(path, old[path], new[path], tolerance)
        differences += [] if found is None else [found]
    return Comparison(len(old), arrays, tuple(differences))


def _counts(path: str) -> bool:
    return not provenance.is_process(path) and not _NAMES.match(path)


def _difference(path: str, old: Value, new: Value, tolerance: float) -> Difference | None:
    if isinstance(old, str) or isinstance(new, str):
        if old == new:
            return None
        return Difference(path, "different", float("inf"), told=f"'{old}' and '{new}'"[:120])
    if np.shape(old) != np.shape(new):
        return Difference(path, "different", float("inf"), told=f"shapes {np.shape(old)} and {np.shape(new)}")
    if isinstance(old, bool | int | float | np.generic) or isinstance(new, bool | int | float | np.generic):
        return _of_arrays(path, np.asarray(old)[None], np.asarray(new)[None], tolerance)
    return _of_arrays(path, old, new, tolerance)


def _of_arrays(path: str, old: ArraySource, new: ArraySource, tolerance: float) -> Difference | None:
    if np.asarray(old[:0] if old.shape else old[()]).dtype.kind in "OSU":
        same = np.array_equal(np.asarray(old[...]).astype(str), np.asarray(new[...]).astype(str))
        return None if same else Difference(path, "different", float("inf"), told="texts differ")
    total = scale = largest = 0.0
    odd = unequal = 0
    for key, block in blocks(old):
        one = _sums(block, np.asarray(new[key]))
        total, scale, largest = total + one[0], scale + one[1], max(largest, one[2])
        odd, unequal = odd + one[3], unequal + one[4]
    if not unequal:
        return None
    if odd:
        return Difference(path, "different", float("inf"), largest, f"{odd} values are finite in one of them only")
    relative = float(np.sqrt(total / scale)) if scale else float("inf")
    return Difference(path, "close" if relative <= tolerance else "different", relative, largest)


def _sums(old: Array, new: Array) -> tuple[float, float, float, int, int]:
    """Squares of difference and of the old, largest difference, values finite in one only, values not equal."""
    kind = np.complex128 if old.dtype.kind == "c" else np.float64
    a, b = old.astype(kind), new.astype(kind)
    both = np.isfinite(a) & np.isfinite(b)
    # Infinite values that are the same are equal, and so are two that are no numbers.
    odd = ~both & ~((a == b) | (np.isnan(a) & np.isnan(b)))
    apart = np.abs(a[both] - b[both])
    return (
        float(np.sum(apart**2)), float(np.sum(np.abs(a[both]) ** 2)), float(apart.max(initial=0.0)),
        int(np.count_nonzero(odd)), int(np.count_nonzero(apart)) + int(np.count_nonzero(odd)),
    )  # fmt: skip
