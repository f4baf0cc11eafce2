"""Several devices, a process each: the same bits as one, in the order of the scans, with the same failures."""

import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picpxct_nx import crew
from picpxct_nx.choice import Choice, choose
from picpxct_nx.errors import ConvergenceError, InputError, RetryError, UsageError
from picpxct_nx.reconstruction import Listener, reconstruct_scan
from picpxct_nx.records import Scan
from picpxct_nx.simulate.configure import configure
from picpxct_nx.simulate.experiment import simulate_scan
from picpxct_nx.simulate.record import make_scan

TINY = ("frame_size=32", "n_positions=16", "step=0.35 um", "supersampling=1")
TWO = "cpu:1,cpu:1"


def _scan(energy: float, rotation: float = 0.0) -> Scan:
    return make_scan(simulate_scan(configure("tutorial", TINY), energy, rotation, seed=0), {})


@pytest.fixture(scope="module")
def scans() -> list[Scan]:
    return [_scan(energy) for energy in (5460.0, 5470.0, 5480.0)]


def _choice(recipe: str = "ml:3", device: str = TWO, **how: Any) -> Choice:
    return choose(recipe, device=device, also="none", **how)


def _listener(said: list[str], *, asked: bool = False) -> Listener:
    return Listener(lambda *_: None, said.append, said.append, lambda: asked, said.append)


def _all(choice: Choice, scans: list[Scan], said: list[str]) -> Iterator[Any]:
    with crew.hands(choice, _listener(said), None) as hands:
        for scan in scans[: hands.count]:
            hands.begin(scan)
        for number, scan in enumerate(scans):
            yield hands.make(scan)
            if number + hands.count < len(scans):
                hands.begin(scans[number + hands.count])


def test_two_processes_give_the_bits_of_one_in_order_after_a_failure(scans: list[Scan]) -> None:
    said: list[str] = []
    bad = dataclasses.replace(scans[0], frames=np.zeros_like(scans[0].frames))
    with crew.hands(_choice(), _listener(said), None) as hands:
        for scan in (bad, scans[0]):
            hands.begin(scan)
        with pytest.raises(InputError, match="no counts"):
            hands.make(bad)
        for scan in scans[1:]:
            hands.begin(scan)
        products = [hands.make(scan) for scan in scans]
    assert [product.entry for product in products] == [scan.entry for scan in scans]
    said = [line for line in said if "frames, object" in line][1:]
    alone = _choice(device="cpu:1")
    for scan, product in zip(scans, products, strict=True):
        wanted = reconstruct_scan(scan, alone, _listener([]))
        np.testing.assert_array_equal(product.transmission, wanted.transmission)
        assert product.history[-1].parameters["device"] == "cpu:1"
    assert [line.partition(":")[0] for line in said] == [scan.entry for scan in scans]


def test_an_error_keeps_its_kind_and_a_bug_its_traceback() -> None:
    assert isinstance(crew._error("ConvergenceError", "diverged"), ConvergenceError)
    assert isinstance(crew._error("", "Traceback ..."), RuntimeError)


def test_the_wish_to_stop_reaches_every_process_and_checkpoints_stay(scans: list[Scan], tmp_path: Path) -> None:
    said: list[str] = []
    with crew.hands(_choice("ml:4000"), _listener(said, asked=True), tmp_path) as hands:
        hands.begin(scans[0])
        hands.begin(scans[1])
        products = [hands.make(scan) for scan in scans[:2]]
    assert {product.history[-1].parameters["status"] for product in products} == {"stopped"}
    assert sum("stopped on request" in line for line in said) == 2
    assert {path.name.partition(".")[0] for path in tmp_path.iterdir()} == {scan.entry for scan in scans[:2]}


def test_a_process_that_is_killed_is_named_and_nothing_runs_on_after_the_end(scans: list[Scan]) -> None:
    with crew.hands(_choice("ml:5000"), _listener([]), None) as hands:
        assert isinstance(hands, crew.Crew)
        hands.begin(scans[0])
        hands.begin(scans[1])
        first, second = (worker._process for worker in hands._workers)
        assert first is not None
        assert second is not None
        os.kill(first.pid, signal.SIGKILL)
        with pytest.raises(RetryError, match="its process is gone"):
            hands.make(scans[0])
    assert second.poll() is not None


def test_neighbours_stay_in_one_process_and_are_taken_by_energy(scans: list[Scan]) -> None:
    turned = [_scan(energy, np.pi / 2) for energy in (5460.0, 5470.0)]
    choice = _choice(start="warm=ml:2")
    with crew.hands(choice, _listener([]), None) as hands:
        assert hands.order is not None
        order = sorted([*scans[:2], *turned], key=hands.order)
    assert [scan.energy_ev for scan in order] == [5460.0, 5460.0, 5470.0, 5470.0]
    said: list[str] = []
    products = list(_all(choice, order, said))
    starts = [product.history[-1].parameters["recipe"] for product in products]
    assert starts == ["ml:3", "ml:3", "ml:2", "ml:2"]


class _InFile:
    """Frames that stay in a file: nobody may read them, nor send them to another process."""

    def __init__(self, frames: Any) -> None:
        self.shape, self.dtype = frames.shape, frames.dtype

    def __getitem__(self, key: Any) -> Any:
        assert key == slice(None, 0)
        return np.empty((0, *self.shape[1:]), self.dtype)

    def __reduce__(self) -> Any:
        raise AssertionError("sent")


def test_a_chain_that_was_interrupted_goes_on_in_its_process_as_in_one(scans: list[Scan]) -> None:
    turned = [_scan(energy, np.pi / 2) for energy in (5460.0, 5470.0)]
    order = [scans[0], turned[0], scans[1], turned[1], scans[2]]
    whole = {product.entry: product for product in _all(_choice(device="cpu:1", start="warm=ml:2"), order, [])}
    # One of the products is no start for anybody: the last good one before it is.
    bad = whole[scans[1].entry]
    failed = dataclasses.replace(bad.history[-1], parameters={**bad.history[-1].parameters, "status": "diverged"})
    kept = {
        scans[0].entry: whole[scans[0].entry],
        turned[0].entry: whole[turned[0].entry],
        scans[1].entry: dataclasses.replace(bad, history=(*bad.history[:-1], failed)),
    }
    products: dict[str, list[Any]] = {}
    for device in (TWO, "cpu:1"):
        with crew.hands(_choice(device=device, start="warm=ml:2"), _listener([]), None) as hands:
            for scan in order[:3]:
                hands.recall(dataclasses.replace(scan, frames=_InFile(scan.frames)), kept[scan.entry])
            for scan in order[3 : 3 + hands.count]:
                hands.begin(scan)
            products[device] = [hands.make(scan) for scan in order[3:]]
    for several, one in zip(products[TWO], products["cpu:1"], strict=True):
        assert several.history[-1].parameters["recipe"] == "ml:2"
        np.testing.assert_array_equal(several.transmission, one.transmission)
        np.testing.assert_array_equal(several.probe, one.probe)
    np.testing.assert_array_equal(products[TWO][0].transmission, whole[turned[1].entry].transmission)
    assert [one.uuid for one in products[TWO][1].history[-1].inputs][1] == whole[scans[0].entry].uuid


@pytest.mark.parametrize("text", ["cuda:0,cuda:0", "cpu:1,", "cpu:1,gpu"])
def test_devices_that_make_no_sense_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picpxct_nx.choice.named", lambda name: name if name.startswith("cuda") else _named(name))
    with pytest.raises(UsageError):
        _choice(device=text)


def _named(name: str) -> str:
    from picpxct_nx.ptycho.device import named

    return named(name)
