"""Scans that do not fit on a device come block by block, and give the same numbers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from picpxct_nx.ptycho import Control, Problem, Snapshot, reconstruct, state
from picpxct_nx.ptycho.engines import ENGINES
from picpxct_nx.ptycho.stream import Stream
from picpxct_nx.simulate.reference import reference_scan

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture(scope="module")
def problem() -> Problem:
    scan = reference_scan(13, 32, photons=1e5, subpixel=True)
    shape = (scan.object.shape[0], scan.object.shape[1])
    return Problem(scan.frames, np.ones((32, 32), bool), scan.positions_px, shape, scan.probe_start)


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool, bool], None]:
    """A device that holds blocks of five frames only."""

    def change(waves: bool, frames: bool) -> None:
        monkeypatch.setattr(state, "layout_of", lambda *_: state.Layout(5, waves_apart=waves, frames_apart=frames))

    return change


def test_blocks_are_those_of_the_stack_in_any_order() -> None:
    host = torch.arange(26.0).reshape(13, 2)
    stream = Stream(host.clone(), DEVICE)
    for key in [slice(0, 5), slice(5, 10), slice(10, 13), slice(0, 5), slice(10, 13), slice(0, 13)]:
        assert torch.equal(stream[key].cpu(), host[key])
    assert torch.equal(stream[[3, 1]].cpu(), host[[3, 1]])
    assert stream.shape == host.shape
    assert len(stream) == 13


def test_a_changed_block_is_read_as_it_was_put() -> None:
    stream = Stream(torch.zeros(13, 2), DEVICE)
    for turn in (1.0, 2.0):
        for start in (0, 5, 10):
            key = slice(start, min(start + 5, 13))
            stream.put(key, stream[key] + turn)
    assert torch.equal(stream.whole(), torch.full((13, 2), 3.0))
    stream.put(slice(0, 13), stream[slice(0, 13)] + 1)
    assert torch.equal(stream[slice(0, 13)].cpu(), torch.full((13, 2), 4.0))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_object_from_a_stream(
    problem: Problem, apart: Callable[[bool, bool], None], engine: str
) -> None:
    recipe = f"{engine}:3"
    apart(False, False)
    near = reconstruct(problem, recipe, device=str(DEVICE))
    apart(True, True)
    far = reconstruct(problem, recipe, device=str(DEVICE))
    np.testing.assert_allclose(far.object, near.object, atol=1e-5)
    np.testing.assert_allclose(far.error, near.error, rtol=1e-5)


def test_a_streamed_run_goes_on_from_its_snapshot(problem: Problem, apart: Callable[[bool, bool], None]) -> None:
    apart(True, False)
    kept: list[Snapshot] = []
    whole = reconstruct(problem, "dm:4", device="cpu")
    stop = Control(progress=lambda _e, iteration, _n, _f: iteration < 2, keep=kept.append)
    reconstruct(problem, "dm:4", device="cpu", control=stop)
    after = reconstruct(problem, "dm:4", device="cpu", control=replace(Control(), resume=kept[-1]))
    assert np.array_equal(after.object, whole.object)
