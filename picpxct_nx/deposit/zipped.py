"""Archives as .zip: files stored as they are, in an order and with headers that leave no choice.

Every byte of such an archive follows from the names, lengths and contents of its files, so that one flipped bit shows
wherever it is: in a file by its hash, anywhere else because the byte is not the one that has to stand there. Headers
are those of PKWARE's APPNOTE 6.3.9 with Zip64 records where 32 bits do not suffice.
"""

import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

# The first time that the format knows, so that archives of equal files are equal.
_DATE, _TIME = (1 << 5) | 1, 0
_UTF8, _STORED, _UNIX = 0x0800, 0, 3
_MODE = 0o100644 << 16
# What stands in a field of 32 bits that is too small, and from which number on it is.
_MOST = 0xFFFFFFFF
_LIMIT = 0xFFFFFFFF
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s4B4H3I5H2I")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_END = struct.Struct("<4s4H2IH")


@dataclass(frozen=True)
class Member:
    """One file of an archive: name, length and CRC-32; `offset` is where its header begins."""

    name: str
    size: int
    crc32: int
    offset: int = 0

    @property
    def header(self) -> bytes:
        """The local header that stands before the contents."""
        name = self.name.encode()
        large = self.size >= _LIMIT
        extra = struct.pack("<2H2Q", 1, 16, self.size, self.size) if large else b""
        shown = _MOST if large else self.size
        fixed = _LOCAL.pack(
            b"PK\x03\x04", 45 if large else 20, _UTF8, _STORED, _TIME, _DATE, self.crc32, shown, shown, len(name),
            len(extra),
        )  # fmt: skip
        return fixed + name + extra

    @property
    def start(self) -> int:
        """Where the contents begin."""
        return self.offset + len(self.header)

    @property
    def entry(self) -> bytes:
        """The row of the directory at the end of the archive."""
        name = self.name.encode()
        large, far = self.size >= _LIMIT, self.offset >= _LIMIT
        fields = ([self.size] * 2 if large else []) + ([self.offset] if far else [])
        extra = struct.pack(f"<2H{len(fields)}Q", 1, 8 * len(fields), *fields) if fields else b""
        version = 45 if fields else 20
        fixed = _CENTRAL.pack(
            b"PK\x01\x02", version, _UNIX, version, 0, _UTF8, _STORED, _TIME, _DATE, self.crc32,
            *[_MOST if large else self.size] * 2, len(name), len(extra), 0, 0, 0, _MODE,
            _MOST if far else self.offset,
        )  # fmt: skip
        return fixed + name + extra


def layout(files: Iterable[tuple[str, int, int]]) -> tuple[Member, ...]:
    """The members that files make, given by name, length and CRC-32, each where it will lie."""
    offset, members = 0, []
    for name, size, crc32 in files:
        member = Member(name, size, crc32, offset)
        members.append(member)
        offset = member.start + size
    return tuple(members)


def directory(members: Sequence[Member]) -> bytes:
    """The directory at the end of an archive."""
    start = members[-1].start + members[-1].size if members else 0
    rows = b"".join(member.entry for member in members)
    count, length = len(members), len(rows)
    end64 = b""
    if count >= 0xFFFF or length >= _LIMIT or start >= _LIMIT:
        end64 = _END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start)
        end64 += _LOCATOR64.pack(b"PK\x06\x07", 0, start + length, 1)
    most = 0xFFFF if end64 else count
    sizes = (_MOST, _MOST) if end64 else (length, start)
    return rows + end64 + _END.pack(b"PK\x05\x06", 0, 0, min(count, most), min(count, most), *sizes, 0)


def write(
    sink: BinaryIO,
    members: Sequence[Member],
    pour: Callable[[Member, BinaryIO], None],
    there: Collection[Member] = (),
) -> None:
    """Write an archive; `pour` writes the contents of one member, as many bytes as it said, to the sink.

    Members that are `there` already, from an earlier run into the same sink, are left as they are.
    """
    for member in members:
        if member in there:
            continue
        sink.seek(member.offset)
        sink.write(member.header)
        pour(member, sink)
    sink.seek(members[-1].start + members[-1].size)
    sink.write(directory(members))
    sink.truncate()


def differences(source: BinaryIO, members: Sequence[Member], length: int) -> Iterator[str]:
    """Where the bytes between the contents are not those that have to stand there.

    Parameters
    ----------
    source : binary file
        The archive, seekable.
    members : sequence of Member
        As `layout` gives them for names, lengths and checksums that are known to be right.
    length : int
        Bytes of the archive.
    """
    for member in members:
        source.seek(member.offset)
        if source.read(len(member.header)) != member.header:
            yield f"{member.name}: the header before it is not the one that belongs there"
    wanted = directory(members)
    start = members[-1].start + members[-1].size if members else 0
    source.seek(start)
    if source.read(len(wanted) + 1) != wanted:
        yield "the directory at its end is not the one that belongs there"
    if length != start + len(wanted):
        yield f"has {length} bytes; wanted {start + len(wanted)}"
