"""Room: arrays in memory as far as a limit allows, in a nameless file beyond, and in both the same numbers."""

import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picpxct_nx.errors import RetryError, UsageError
from picpxct_nx.room import Room, _File, _Filed, resident
from picpxct_nx.values import blocks, in_memory

SHAPE = (2, 3, 5, 4)


@pytest.fixture
def pair() -> tuple[Any, Any]:
    """The same numbers in a file and in memory."""
    rng = np.random.default_rng(0)
    wanted = (rng.standard_normal(SHAPE) + 1j * rng.standard_normal(SHAPE)).astype(np.complex64)
    filed = Room(0)(SHAPE, np.complex64)
    filed[...] = wanted
    return filed, wanted


@pytest.mark.parametrize(
    "key",
    [
        np.s_[...], np.s_[:], np.s_[1], np.s_[-1, 2], np.s_[0, 1:3], np.s_[0, :, 2:4], np.s_[:, 1, :, 1:3],
        np.s_[1, 2, 3, 1], np.s_[0, 2:2], np.s_[..., 3], np.s_[:, :, 4], np.s_[0, 1:99, ..., :2],
    ],
    ids=str,
)  # fmt: skip
def test_pieces_of_a_file_are_those_of_an_array(key: Any, pair: tuple[Any, Any]) -> None:
    filed, wanted = pair
    np.testing.assert_array_equal(filed[key], wanted[key])
    assert np.shape(filed[key]) == np.shape(wanted[key])
    # Numbers that must be made narrower, and one number for all.
    for value in (np.asarray(wanted[key], np.complex128) * 3, 1.5):
        filed[key], wanted[key] = value, value
        np.testing.assert_array_equal(np.asarray(filed), wanted)


def test_a_file_goes_as_the_array_does(pair: tuple[Any, Any]) -> None:
    filed, wanted = pair
    assert len(filed) == 2
    np.testing.assert_array_equal(np.stack(list(filed)), wanted)
    flat = filed.reshape((2, 3, 20))
    np.testing.assert_array_equal(flat[1, 2, 7:11], wanted.reshape(2, 3, 20)[1, 2, 7:11])
    flat[1, 2, 7:11] = 7
    assert (filed[...] == 7).sum() == 4
    with pytest.raises(ValueError, match="has no shape"):
        filed.reshape((2, 3))
    for wrong in (np.s_[::2], np.s_[2], np.s_[0, 0, 0, 0, 0]):
        with pytest.raises((TypeError, IndexError, ValueError)):
            filed[wrong]
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks(filed)]), filed[...])


def test_memory_is_taken_while_it_lasts_and_given_back() -> None:
    room = Room(resident() + 10**7)
    room.begin(10**6, "cube")
    kept = room((8 * 10**6,), np.uint8)
    assert isinstance(kept, np.ndarray)
    part = kept[:10]  # keeps all of it
    assert isinstance(room((2 * 10**6,), np.uint8), _Filed)
    assert isinstance(room((900,), np.uint8), np.ndarray)
    del kept
    assert isinstance(room((2 * 10**6,), np.uint8), _Filed)
    del part
    assert isinstance(room((2 * 10**6,), np.uint8), np.ndarray)
    assert isinstance(in_memory((3,), np.float32), np.ndarray)


def test_too_little_is_refused_with_what_it_takes() -> None:
    with pytest.raises(UsageError) as caught:
        Room(10**6).begin(10**7, "cube")
    least = int(str(caught.value).split("it takes ")[1].split(" MB")[0])
    assert str(caught.value).startswith("cube: --memory 1 MB is too little; it takes ")
    Room((least + 50) * 10**6).begin(10**7, "cube")
    # The second of two records is not refused for what the first left behind.
    room = Room((least + 50) * 10**6)
    room.begin(10**7, "cube")
    held = room((40 * 10**6,), np.uint8)
    held[...] = 1
    room.begin(10**7, "other")


def test_parts_of_the_file_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(os, "posix_fallocate", lambda _number, _start, size: asked.append(size))
    room = Room(0)
    first, other = room((100,), np.uint8), room((50,), np.uint8)
    view = first.reshape((10, 10))
    del first
    assert room((100,), np.uint8) is not None  # the view still holds the part
    assert asked == [100, 50, 100]
    del view, other
    kept = [room((size,), np.uint8) for size in (100, 100, 50)]
    assert asked == [100, 50, 100]
    assert len({id(one) for one in kept}) == 3


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file of this process grows beyond 1000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_said_before_any_work_is_done() -> None:
    assert isinstance(Room(0)((1000,), np.uint8), _Filed)
    with pytest.raises(RetryError, match=f"temporary files, {tempfile.gettempdir()}: no room left on the disk"):
        Room(0)((1001,), np.uint8)


def test_the_file_has_no_name_and_goes_with_the_last_array(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = Room(0)((1000,), np.uint8)
    assert list(tmp_path.iterdir()) == []
    assert isinstance(made, _Filed)
    file = made._file
    assert isinstance(file, _File)
    number = file.number
    assert os.fstat(number).st_size == 1000
    del file, made
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
