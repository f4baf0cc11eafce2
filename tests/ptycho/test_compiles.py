"""Every kernel compiles for a GPU where there is none: the interpreter takes what a compiler does not.

Run as a program it makes each launch of `fused` compile its kernel for an H100 instead of running it.
"""

import importlib.util
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# Launch parameters that are none of a kernel's own.
OPTIONS = ("num_warps", "num_stages")


def test_every_kernel_compiles_for_a_gpu_without_one(tmp_path: Path) -> None:
    # Not imported here: what is imported before the interpreter is asked for is not interpreted in other tests.
    if importlib.util.find_spec("triton") is None:
        pytest.skip("triton is missing")
    quiet = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.ptycho.test_compiles"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**quiet, "TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["compiled"]) == set(told["kernels"])


class _Launch:
    """What stands for a kernel: `[grid](arguments)` compiles it for arguments of these types."""

    def __init__(self, kernel: Any, compiled: set[str]) -> None:
        self._kernel, self._compiled = kernel, compiled

    def __getitem__(self, grid: Any) -> Any:
        return self._compile

    def _compile(self, *arguments: Any, **named: Any) -> None:
        import triton
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource

        options = {name: named.pop(name) for name in OPTIONS if name in named}
        given = dict(zip(self._kernel.arg_names, arguments, strict=False)) | named
        fixed = {name: value for name, value in given.items() if name.isupper()}
        types = {name: "constexpr" if name in fixed else _type(value) for name, value in given.items()}
        made = triton.compile(
            ASTSource(self._kernel, types, fixed), target=GPUTarget("cuda", 90, 32), options=options or None
        )
        assert made.asm["cubin"]
        self._compiled.add(self._kernel.__name__)


def _type(value: Any) -> str:
    import torch

    if isinstance(value, torch.Tensor):
        names = {
            torch.float32: "fp32", torch.int64: "i64", torch.int32: "i32", torch.uint8: "u8", torch.int16: "i16",
            torch.bool: "i1",
        }  # fmt: skip
        return "*" + names[value.dtype]
    return "i32" if isinstance(value, int) else "fp32"


def _all_launches(fused: ModuleType) -> None:
    """Call every function of `fused` that launches a kernel, for one mode and for two, and all that is optional."""
    import torch

    from picpxct_nx.ptycho import ops
    from picpxct_nx.ptycho.fit import Likelihood, Nudge

    from .test_fused import CASES, Case

    likelihood = Likelihood(torch.tensor(True), 2.0, undecided=True)
    for number in (1, 2):
        case = Case(*CASES[number])
        n, block, images = len(case.waves), case.block, (case.image, case.other)
        rows, columns = (part.to(torch.complex64) for part in ops.shift_phases(torch.rand(n, 2).double(), case.shape))
        totals = (case.other.clone(), case.other.abs())
        fused.exit_waves(case.image, case.probes, block)
        fused.shifted(case.turned[0], (rows, columns))
        fused.moved_back(case.waves, (rows, columns))
        fused.turned_waves(images, (case.probes, case.turned), block, moves=(images, torch.rand(n, 2)))
        fused.asked_moves(images, case.probes, block, case.waves)
        fused.settle(case.image, case.probes, block, case.waves, case.more, beta=0.9, totals=totals)
        fused.object_overlap(case.probes, case.waves, block, totals=totals)
        fused.light(case.probes, block, totals[1])
        fused.views(totals[1], block, case.shape)
        fused.probe_overlap(case.image, totals[1], case.waves, block)
        fused.seen_back(case.image, case.waves, block)
        screen = case.screen(dark=True)
        fused.project(case.detector, case.measured, screen)
        fused.background_sums(case.detector, case.measured, screen)
        fused.pull(case.detector, case.measured, screen, likelihood)
        fused.bend(case.detector, case.more, case.measured, screen, likelihood, dark=case.background)
        fused.matched(images, (case.probes, case.turned), block, case.waves)
    alone = Case(1, *CASES[number][1:])
    fused.nudge(alone.image, alone.probes, alone.block, alone.waves, Nudge(0.5, 0.1, 0.5, 0.1))


def main() -> None:
    """Print which kernels there are and which were compiled."""
    from picpxct_nx.ptycho import fused

    compiled: set[str] = set()
    kernels: set[str] = set()
    for name, module in list(vars(fused).items()):
        if not inspect.ismodule(module) or not module.__name__.startswith("picpxct_nx.ptycho.kernels"):
            continue
        ours = {
            key: value for key, value in vars(module).items() if hasattr(value, "arg_names") and not key.startswith("_")
        }
        kernels |= set(ours)
        setattr(fused, name, type("Kernels", (), {key: _Launch(value, compiled) for key, value in ours.items()}))
    _all_launches(fused)
    sys.stdout.write(json.dumps({"kernels": sorted(kernels), "compiled": sorted(compiled)}))


if __name__ == "__main__":
    main()
