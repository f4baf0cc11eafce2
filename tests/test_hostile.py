"""Hostile files end quickly in a verdict, and nothing outside them is ever opened."""

import ctypes
import os
import re
import signal
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import nexus
from picpxct_nx.errors import InputError
from picpxct_nx.records import Record
from picpxct_nx.validation import check_file

SECONDS = 20
OLD, NEW = ("earliest", "v108"), ("v108", "v110")
# Large attributes and virtual datasets need the newer layout.
NEEDS_NEW = re.compile("MiB|texts|virtual")
Build = Callable[[h5py.File, Path], object]


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    """Stop what takes longer than a careful reader may, also inside a blocking call."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"took more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


class Watch:
    """Says whether any file of a folder was opened (inotify)."""

    def __init__(self, folder: Path) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.handle = self.libc.inotify_init1(os.O_NONBLOCK)
        opened = 0x20
        assert self.libc.inotify_add_watch(self.handle, os.fsencode(folder), opened) > 0

    def opened(self) -> bool:
        """Whether anything was opened since the watch began."""
        try:
            return bool(os.read(self.handle, 4096))
        except BlockingIOError:
            return False
        finally:
            os.close(self.handle)


def outside(folder: Path) -> Path:
    """A folder with a real HDF5 file and a secret, that nobody may open."""
    folder.mkdir()
    with h5py.File(folder / "other.h5", "w") as file:
        file["secret"] = np.arange(4.0)
    (folder / "secret.txt").write_text("a secret of 32 bytes, nobody's..")
    return folder


def soft_through_external(file: h5py.File, away: Path) -> None:
    file["way"] = h5py.ExternalLink(str(away / "other.h5"), "/")
    file["soft"] = h5py.SoftLink("/way/secret")


def virtual(source: str) -> Build:
    def build(file: h5py.File, away: Path) -> None:
        layout = h5py.VirtualLayout((4,), "f8")
        layout[:] = h5py.VirtualSource(str(away / source), "secret", (4,))
        file.create_virtual_dataset("v", layout)

    return build


def virtual_unlimited(file: h5py.File, away: Path) -> None:
    """A mapping whose length depends on how many sources there are: asking for the shape opens them."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    here, there = h5py.h5s.create_simple((4,), (h5py.h5s.UNLIMITED,)), h5py.h5s.create_simple((4,))
    here.select_hyperslab((0,), (h5py.h5s.UNLIMITED,), (4,), (4,))
    plist.set_virtual(here, os.fsencode(away / "other%b.h5"), b"secret", there)
    h5py.h5d.create(file.id, b"v", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((4,), (h5py.h5s.UNLIMITED,)), plist)


def ancestor(file: h5py.File, _: Path) -> None:
    file.create_group("a/b")["up"] = h5py.SoftLink("/a")


def hard_cycle(file: h5py.File, _: Path) -> None:
    below = file.create_group("a/b")
    below["up"] = file["a"]


def root_in_itself(file: h5py.File, _: Path) -> None:
    file["self"] = file["/"]


def soft_circle(file: h5py.File, _: Path) -> None:
    file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")


def deep(file: h5py.File, _: Path) -> None:
    group = file.id
    for _depth in range(3000):
        group = h5py.h5g.create(group, b"g")


def deep_behind_shortcuts(file: h5py.File, _: Path) -> None:
    """A chain of 500 groups each of which the root names as well: no first way to any of them is long."""
    group = file.create_group("g000")
    for index in range(1, 500):
        group = group.create_group("next")
        file[f"g{index:03d}"] = group


def braid(file: h5py.File, _: Path) -> None:
    group = file.create_group("b")
    for _level in range(40):
        below = group.create_group("left")
        group["right"] = below
        group = below


def many_attributes(file: h5py.File, _: Path) -> None:
    for index in range(300):
        file.attrs[f"a{index}"] = 1


def text_attribute(raw: bytes, where: str = "units") -> Build:
    def build(file: h5py.File, _: Path) -> None:
        file.create_dataset("d", data=1.0).attrs[where] = np.bytes_(raw)

    return build


def latin1_variable(file: h5py.File, _: Path) -> None:
    data = file.create_dataset("d", data=1.0)
    attribute = h5py.h5a.create(data.id, b"units", h5py.h5t.py_create(h5py.string_dtype("ascii"), logical=True),
                                h5py.h5s.create(h5py.h5s.SCALAR))  # fmt: skip
    value = np.empty((), dtype=h5py.string_dtype("ascii"))
    value[()] = b"\xb5m"
    attribute.write(value)


def latin1_name(file: h5py.File, _: Path) -> None:
    h5py.h5g.create(file.id, b"\xb5m")


def latin1_attribute_name(file: h5py.File, _: Path) -> None:
    h5py.h5a.create(file.id, b"\xb5", h5py.h5t.IEEE_F64LE, h5py.h5s.create(h5py.h5s.SCALAR))


def gzip_bomb(file: h5py.File, _: Path) -> None:
    data = file.create_dataset("d", (64, 2**24), "u1", chunks=(1, 2**24), compression="gzip")
    packed = zlib.compress(bytes(2**24), 9)
    for index in range(64):
        data.id.write_direct_chunk((index, 0), packed)


def many_small_bombs(file: h5py.File, _: Path) -> None:
    packed = zlib.compress(bytes(2**24), 9)
    for index in range(40):
        data = file.create_dataset(f"d{index}", (12, 2**24), "u1", chunks=(1, 2**24), compression="gzip")
        data.id.write_direct_chunk((0, 0), packed[:200])


def overfull_chunk(file: h5py.File, _: Path) -> None:
    """A chunk of 1 KiB whose deflated stream goes on for 64 MiB."""
    data = file.create_dataset("d", (1024,), "u1", chunks=(1024,), compression="gzip")
    data.id.write_direct_chunk((0,), zlib.compress(bytes(2**26), 9))


def raw_type(make: Callable[[h5py.File], h5py.h5t.TypeID]) -> Build:
    def build(file: h5py.File, _: Path) -> None:
        h5py.h5d.create(file.id, b"d", make(file), h5py.h5s.create_simple((2,)))

    return build


def attribute_of(make: Callable[[h5py.File], h5py.h5t.TypeID]) -> Build:
    def build(file: h5py.File, _: Path) -> None:
        h5py.h5a.create(file.id, b"a", make(file), h5py.h5s.create_simple((2,)))

    return build


def compound_of(member: h5py.h5t.TypeID) -> Callable[[h5py.File], h5py.h5t.TypeID]:
    def make(_: h5py.File) -> h5py.h5t.TypeID:
        compound = h5py.h5t.create(h5py.h5t.COMPOUND, member.get_size())
        compound.insert(b"m", 0, member)
        return compound

    return make


def odd_float(_: h5py.File) -> h5py.h5t.TypeID:
    """A float of 64 bits with an exponent of 40 bits, which no numpy type holds."""
    kind = h5py.h5t.IEEE_F64LE.copy()
    kind.set_fields(63, 23, 40, 0, 23)
    return kind


REFERENCE = h5py.h5t.STD_REF_OBJ
TYPES: dict[str, Callable[[h5py.File], h5py.h5t.TypeID]] = {
    "object reference": lambda _: REFERENCE,
    "region reference": lambda _: h5py.h5t.STD_REF_DSETREG,
    "opaque": lambda _: h5py.h5t.create(h5py.h5t.OPAQUE, 16),
    "bit field": lambda _: h5py.h5t.STD_B32LE,
    "time": lambda _: h5py.h5t.UNIX_D32LE,
    "ragged": lambda _: h5py.h5t.vlen_create(h5py.h5t.IEEE_F64LE),
    "array": lambda _: h5py.h5t.array_create(h5py.h5t.IEEE_F64LE, (3,)),
    "compound with reference": compound_of(REFERENCE),
    "compound with ragged": compound_of(h5py.h5t.vlen_create(h5py.h5t.IEEE_F64LE)),
    "odd float": odd_float,
}

HOSTILE: dict[str, tuple[Build, set[str]]] = {
    "external link": (lambda f, a: f.update(x=h5py.ExternalLink(str(a / "other.h5"), "/")), {"LINK_EXTERNAL"}),
    "external link of one name": (lambda f, a: f.__setitem__("x", h5py.ExternalLink(str(a / "other.h5"), "/secret")),
                                  {"LINK_EXTERNAL"}),
    "soft link through an external one": (soft_through_external, {"LINK_EXTERNAL"}),
    "external storage": (lambda f, a: f.create_dataset("x", (32,), "u1", external=[(str(a / "secret.txt"), 0, 32)]),
                         {"STORAGE_EXTERNAL"}),
    "virtual": (virtual("other.h5"), {"STORAGE_VIRTUAL"}),
    "virtual without source": (virtual("nowhere.h5"), {"STORAGE_VIRTUAL"}),
    "virtual without end": (virtual_unlimited, {"STORAGE_VIRTUAL"}),
    "soft link to an ancestor": (ancestor, {"LINK_CYCLE"}),
    "hard link to an ancestor": (hard_cycle, {"LINK_CYCLE"}),
    "root inside itself": (root_in_itself, {"LINK_CYCLE"}),
    "soft link to itself": (lambda f, _: f.__setitem__("loop", h5py.SoftLink("/loop")), {"LINK_CYCLE"}),
    "soft links in a circle": (soft_circle, {"LINK_CYCLE"}),
    "dangling soft link": (lambda f, _: f.__setitem__("x", h5py.SoftLink("/no/where")), {"LINK_DANGLING"}),
    "3000 levels": (deep, {"LIMIT_DEPTH"}),
    "500 levels behind shortcuts": (deep_behind_shortcuts, {"LIMIT_DEPTH"}),
    "braid of 40 levels": (braid, {"LIMIT_LINKS"}),
    "300 attributes": (many_attributes, {"LIMIT_ATTRIBUTES"}),
    "attribute above 1 MiB": (lambda f, _: f.attrs.__setitem__("a", np.zeros(2**18)), {"LIMIT_ATTRIBUTES"}),
    "attribute of many texts": (lambda f, _: f.attrs.__setitem__("a", ["x" * 999] * 2000), {"LIMIT_ATTRIBUTES"}),
    "Latin-1 unit": (text_attribute(b"\xb5m"), {"TEXT_ENCODING", "MISSING_GROUP"}),
    "Latin-1 unit of variable length": (latin1_variable, {"TEXT_ENCODING", "MISSING_GROUP"}),
    "Latin-1 name": (latin1_name, {"TEXT_ENCODING"}),
    "Latin-1 name of an attribute": (latin1_attribute_name, {"TEXT_ENCODING"}),
    "8 TiB of nothing": (lambda f, _: f.create_dataset("d", (2**40,), "f8", chunks=(2**20,)), {"BOMB"}),
    "8 TiB of nothing, contiguous": (lambda f, _: f.create_dataset("d", (2**40,), "f8"), {"BOMB"}),
    "1 GiB in 1 MiB": (gzip_bomb, {"BOMB"}),
    "many small bombs": (many_small_bombs, {"BOMB"}),
    "overfull chunk": (overfull_chunk, {"BOMB"}),
    "huge chunk": (lambda f, _: f.create_dataset("d", (2**28,), "f8", chunks=(2**28,)), {"BOMB"}),
    "named type": (lambda f, _: f.__setitem__("t", np.dtype("f8")), {"TYPE_REFUSED"}),
    "null dataspace": (lambda f, _: f.__setitem__("d", h5py.Empty("f8")), {"TYPE_REFUSED"}),
    "null attribute": (lambda f, _: f.attrs.__setitem__("a", h5py.Empty("f8")), {"TYPE_REFUSED"}),
    **{f"field of type {name}": (raw_type(make), {"TYPE_REFUSED"}) for name, make in TYPES.items()},
    **{f"attribute of type {name}": (attribute_of(make), {"TYPE_REFUSED"}) for name, make in TYPES.items()},
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_and_nothing_else_is_opened(kind: str, tmp_path: Path) -> None:
    build, codes = HOSTILE[kind]
    away, path = outside(tmp_path / "away"), tmp_path / "hostile.nxs"
    with h5py.File(path, "w", libver=NEW if NEEDS_NEW.search(kind) else OLD) as file:
        build(file, away)
    watch = Watch(away)
    with nexus.open_hdf5(path, path.name) as file:
        report = check_file(file, path.name)
    assert {fault.code for fault in report.errors} == codes
    assert all(fault.path.isprintable() and fault.message.isprintable() for fault in report.violations)
    with pytest.raises(InputError), nexus.open_valid(path, path.name):
        pass
    assert not watch.opened()


def test_the_watch_sees_what_is_opened(tmp_path: Path) -> None:
    away = outside(tmp_path / "away")
    watch = Watch(away)
    (away / "secret.txt").read_text()
    assert watch.opened()


def patched(path: Path, old: bytes, new: bytes) -> None:
    """Replace bytes of a file that no library would write; the same number of them."""
    raw = path.read_bytes()
    assert old in raw
    assert len(old) == len(new)
    path.write_bytes(raw.replace(old, new))


def test_a_filter_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "filter.nxs"
    with h5py.File(path, "w", libver=OLD) as file:
        file.create_dataset("d", data=np.zeros(8), chunks=(8,), compression="gzip")
    # The message of the pipeline: number 1, length of the name 8, flags, one parameter, the name.
    patched(path, b"\x01\x00\x08\x00\x01\x00\x01\x00deflate\0", b"\x39\x30\x08\x00\x01\x00\x01\x00deflate\0")
    with nexus.open_hdf5(path, path.name) as file:
        assert {fault.code for fault in check_file(file, path.name).errors} == {"FILTER"}


def test_a_name_with_a_slash_leads_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "slash.nxs"
    with h5py.File(path, "w", libver=OLD) as file:
        file["way_secret"] = 1.0
        file["way"] = h5py.ExternalLink(str(outside(tmp_path / "away") / "other.h5"), "/")
    patched(path, b"way_secret", b"way/secret")
    watch = Watch(tmp_path / "away")
    with nexus.open_hdf5(path, path.name) as file:
        assert {fault.code for fault in check_file(file, path.name).errors} == {"LINK_EXTERNAL", "TEXT_ENCODING"}
    assert not watch.opened()


def test_twenty_thousand_links_are_judged(make_record: Callable[..., Record], tmp_path: Path) -> None:
    path = tmp_path / "wide.nxs"
    nexus.write(path, [make_record("NXspecptycho_frc")])
    with h5py.File(path, "r+") as file:
        free = file["scan_S00001/process_001/parameters"]
        for index in range(20_000):
            free.id.links.create_hard(f"p{index}".encode(), free.id, b"factor")
    with nexus.open_valid(path, path.name) as file:
        assert len(file["scan_S00001/process_001/parameters"]) > 20_000
