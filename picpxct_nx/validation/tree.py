"""The tree of a surveyed file: every object once, its attributes read, its data left in the file."""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

# What HDF5 and h5py raise when the bytes of a file make no sense.
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, MemoryError, OverflowError)

# What HDF5 says where the memory ran out.
_NO_MEMORY = re.compile("alloc|memory", re.IGNORECASE)

# Values are read whole up to this many elements, and text up to this many bytes.
MAX_READ = 100_000
MAX_TEXT_BYTES = 16 * 2**20
# Text of variable length is read in pieces: many elements of a crafted file can share one long text.
_TEXT_BLOCK = 64


class UnreadableError(Exception):
    """The data of one field cannot be read; `code` and the text say why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True, eq=False)
class Item:
    """One object of a file. Two links to the same object lead to the same item; `path` is the first one met.

    `members` is empty for a field, `data`, `shape` and `dtype` are None or empty for a group.
    """

    path: str
    attributes: dict[str, Any] = field(default_factory=dict)
    members: dict[str, "Item"] = field(default_factory=dict)
    data: h5py.h5d.DatasetID | None = None
    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] | None = None
    value: Any = None

    @property
    def is_group(self) -> bool:
        """Whether the object is a group."""
        return self.data is None

    @property
    def size(self) -> int:
        """Number of elements of a field."""
        return math.prod(self.shape)


def kind_of(dtype: np.dtype[Any]) -> str:
    """One letter for the kind of a type: f, i, u, c, S (any text), b (boolean) or V."""
    return "S" if dtype.kind in "OSUT" else dtype.kind


def plain(value: Any) -> Any:
    """A value as Python text, number or nested tuple, to compare with an enumeration."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray | list | tuple):
        return tuple(plain(item) for item in value) if np.ndim(value) else plain(np.asarray(value).item())
    return value.item() if isinstance(value, np.generic) else value


def nx_class(item: Item) -> str:
    """NeXus class of a group, empty where it has none that is one text."""
    value = item.attributes.get("NX_class", "")
    return value if isinstance(value, str) else ""


def find(root: Item, path: str) -> Item | None:
    """The object at a path, or None."""
    here: Item | None = root
    for part in path.split("/"):
        if part not in ("", "."):
            here = here.members.get(part) if here else None
    return here


def within(group: Item, path: Any) -> Any:
    """A path as it is from a group on; one from the root of the file that does not lead below the group stays."""
    start = f"{group.path.rstrip('/')}/"
    return path.removeprefix(start) if isinstance(path, str) else path


def content(item: Item) -> Any:
    """Value of a field of at most `MAX_READ` elements: Python text or number, or an array; read once.

    Raises
    ------
    UnreadableError
        The bytes are damaged, or the text is not UTF-8 or unpacks to more than `MAX_TEXT_BYTES`.
    """
    if item.value is None:
        try:
            data = h5py.Dataset(item.data)
            item.value = _texts(data, item.shape) if item.dtype and kind_of(item.dtype) == "S" else data[()]
        except UnicodeDecodeError as error:
            shortened = bytes(error.object[:40])
            raise UnreadableError("TEXT_ENCODING", f"is not UTF-8: {shortened!r}; write it again as UTF-8") from None
        except DAMAGE as error:
            raise UnreadableError("DAMAGED", damage(error)) from None
    return item.value


def _texts(data: h5py.Dataset, shape: tuple[int, ...]) -> str | npt.NDArray[Any]:
    if not shape:
        return _decode(data[()])
    total = 0
    found: list[str] = []
    for start in range(0, shape[0], _TEXT_BLOCK):
        rows = np.ravel(data[start : start + _TEXT_BLOCK])
        total += sum(len(raw) for raw in rows)
        if total > MAX_TEXT_BYTES:
            raise UnreadableError("BOMB", f"its text unpacks to more than {MAX_TEXT_BYTES} bytes; shorten it")
        found.extend(_decode(raw) for raw in rows)
    return np.array(found, dtype=object).reshape(shape)


def _decode(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else str(raw)


def damage(error: Exception) -> str:
    """What to say of bytes that cannot be read: on one short line, and apart where it was the memory that ran out."""
    text = " ".join(str(error).split())[:120]
    if isinstance(error, MemoryError) or _NO_MEMORY.search(text):
        return f"asks for more memory than there is ({text or 'no room'}); it is damaged, or made to fill a machine"
    return f"cannot be read ({text}); copy the file again"
