"""Time of the value rules that look at data, in multiples of a plain read of what they look at, on one thread.

Run: `OMP_NUM_THREADS=1 python benchmarks/validate_values.py [scan|reconstruction|cube|normalized ...]`. It writes
products of a real size in four storages: `none`, `gzip` and `bitshuffle` are those of `nexus.write`, which always
keeps checksums; `contiguous` is a copy without chunks, filters and checksums, whose read is a copy of memory.

A plain read is `dataset[start:stop]` over the first axis, in blocks of about 4 MiB that are whole chunks (the blocks of
the rules), into a new array each time, of every dataset that a rule asked for. The rules are those marked `data`, run
as `check_rules` runs them, on a file that was just opened and whose structure is checked. Both take turns; a figure is
the median of the rounds.
"""

import dataclasses
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "sample_data"))

from invalid_faults import E
from make_invalid import BASES

from picpxct_nx import nexus
from picpxct_nx.nexus.writing import Compression
from picpxct_nx.nxdl import definition
from picpxct_nx.records import Record
from picpxct_nx.validation import hostile
from picpxct_nx.validation.fields import Scope
from picpxct_nx.validation.rules import RULES
from picpxct_nx.validation.structure import check_entry
from picpxct_nx.validation.values import view_of
from picpxct_nx.validation.view import View

ROUNDS = 15
STORAGES: tuple[Compression, ...] = ("none", "gzip", "bitshuffle")
_STEP = 1e-8


class _Recorder(View):
    """A view that remembers which fields its rules read."""

    def read(self, path: str, *key: int | slice) -> Any:
        self.facts.setdefault("paths", {})[path] = None
        return super().read(path, *key)

    def borrow(self, path: str, *key: int | slice) -> Any:
        self.facts.setdefault("paths", {})[path] = None
        return super().borrow(path, *key)


def _smooth(*shape: int) -> np.ndarray[Any, Any]:
    """Noise on a slope: it packs about as well as a measurement."""
    rng = np.random.default_rng(0)
    slope = np.linspace(-1, 0, shape[-1], dtype=np.float32)
    return slope + rng.normal(0, 0.01, shape).astype(np.float32)


def _transmission(*shape: int) -> np.ndarray[Any, Any]:
    found = (0.9 * np.exp(1j * _smooth(*shape))).astype(np.complex64)
    return np.asarray(found)


def _changed(name: str, **changes: Any) -> Record:
    base: Any = BASES[name]()
    changed: Record = dataclasses.replace(base, **changes)
    return changed


def scan() -> Record:
    """100 frames of 256 x 256."""
    n, side = 100, 256
    frames = np.random.default_rng(0).poisson(np.exp(4 * _smooth(n, side, side))).astype(np.uint32)
    middle = side // 2 * 75e-6
    return _changed(
        "scan", frames=frames, pixel_mask=np.zeros((side, side), np.int32), frame=np.arange(n),
        stage_x=_STEP * np.arange(n), stage_y=_STEP * np.arange(n), monitor=np.ones(n),
        beam_center_x=middle, beam_center_y=middle,
    )  # fmt: skip


def reconstruction() -> Record:
    """An object of 1000 x 1000."""
    n = 1000
    t = _transmission(n, n)
    return _changed(
        "reconstruction", transmission=t, phase=np.angle(t).astype(np.float32), y=_STEP * np.arange(n),
        x=_STEP * np.arange(n), coverage=_smooth(n, n) + 3,
    )  # fmt: skip


def _stack(side: int, energies: int) -> dict[str, Any]:
    ladder = np.linspace(5460.0, 5520.0, energies)
    axis = _STEP * np.arange(side)
    return {"energy_ev": ladder, "measured_energy_ev": np.tile(ladder, (2, 1)), "y": axis, "x": axis}


def cube() -> Record:
    """Two polarisations, 20 energies, 400 x 400."""
    t = _transmission(2, 20, 400, 400)
    return _changed(
        "cube", **_stack(400, 20), transmission=t, valid=np.ones((2, 20), bool),
        phase=np.angle(t.mean(axis=1)).astype(np.float32),
    )  # fmt: skip


def normalized() -> Record:
    """The spectra of such a cube."""
    spectra, maps = _smooth(2, 20, 400, 400), _smooth(2, 400, 400) + 3
    return _changed(
        "normalized", **_stack(400, 20), xanes=spectra, xpnes=spectra, edge_step=maps, phase_drop=maps,
        mask=np.zeros((2, 400, 400), np.int32), extra={"maps/edge_step_errors": maps},
    )  # fmt: skip


KINDS: dict[str, Callable[[], Record]] = {
    "scan": scan, "reconstruction": reconstruction, "cube": cube, "normalized": normalized,
}  # fmt: skip


def _files(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    record = KINDS[name]()
    for storage in STORAGES:
        path = folder / f"{name}_{storage}.nxs"
        nexus.write(path, [record], compression=storage)
        yield storage, path
    plain = folder / f"{name}_contiguous.nxs"
    with h5py.File(folder / f"{name}_none.nxs", "r") as old, h5py.File(plain, "w") as new:
        for key in old:
            old.copy(key, new)
        new.attrs.update(old.attrs)
        large: list[str] = []
        new.visititems(lambda field, item: large.append(field) if _is_large(item) else None)
        for field in large:
            _unchunk(new, field)
    yield "contiguous", plain


def _is_large(item: h5py.Group | h5py.Dataset) -> bool:
    return isinstance(item, h5py.Dataset) and bool(item.size > 10_000)


def _unchunk(file: h5py.File, path: str) -> None:
    if file[path].chunks is None:
        return
    values, attributes = file[path][...], dict(file[path].attrs)
    names: list[str] = []
    file.visit_links(lambda name: names.append(name) if file[name] == file[path] else None)
    for name in names:
        del file[name]
    file.create_dataset(path, data=values).attrs.update(attributes)
    for name in names:
        if name != path:
            file[name] = file[path]


def _view(file: h5py.File) -> _Recorder:
    root, refused = hostile.scan(file)
    assert not refused, refused
    entry = root.members[E]
    kind, scope = definition(str(file[f"{E}/definition"].asstr()[()])), Scope(root)
    faults = [fault for fault in check_entry(entry, kind, scope) if fault.level == "error"]
    assert not faults, faults
    found = view_of(entry, kind.name, scope)
    return _Recorder(found.entry, found.definition, found.fields)


def _rules(view: View) -> float:
    start = time.perf_counter()
    for rule in RULES:
        if rule.data and (not rule.definitions or view.definition in rule.definitions):
            found = list(rule.check(view))
            assert not found, found
    return time.perf_counter() - start


def _plain(view: View, paths: list[str]) -> float:
    start = time.perf_counter()
    for path in paths:
        data = h5py.Dataset(view.fields[path][0].data)
        for part in view.parts(path):
            data[part]
    return time.perf_counter() - start


def measure(path: Path) -> tuple[float, float, int]:
    """Medians of the plain read and of the rules in s, and the bytes that the rules look at."""
    with h5py.File(path, "r") as file:
        view = _view(file)
        _rules(view)
        paths = list(view.facts["paths"])
        size = sum(
            item.size * item.dtype.itemsize for path in paths if (item := view.fields[path][0]).dtype is not None
        )
    times = []
    for _ in range(ROUNDS):
        # Opened anew for each: HDF5 keeps the last chunks unpacked.
        with h5py.File(path, "r") as file:
            plain = _plain(_view(file), paths)
        with h5py.File(path, "r") as file:
            times.append((plain, _rules(_view(file))))
    plain, rules = (statistics.median(column) for column in zip(*times, strict=True))
    return plain, rules, size


def main(names: list[str]) -> None:
    """Print one line a file."""
    os.environ["SOURCE_DATE_EPOCH"] = "1767225600"
    print(f"{'product':16}{'storage':12}{'data':>10}{'plain read':>14}{'rules':>14}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            for storage, path in _files(Path(folder), name):
                plain, rules, size = measure(path)
                cells = f"{size / 1e6:>7.1f} MB{plain * 1e3:>11.2f} ms{rules * 1e3:>11.2f} ms{rules / plain:>8.2f}"
                print(f"{name:16}{storage:12}{cells}")


if __name__ == "__main__":
    main(sys.argv[1:] or list(KINDS))
