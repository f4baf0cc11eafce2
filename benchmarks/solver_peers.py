"""Which other programs' solvers `solver.py` can run, with which options, and whether they can be imported here."""

import importlib
import importlib.metadata
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from solver_adaptors import Row, Scan, cdtools, ptychi, ptylab, ptypy


@dataclass(frozen=True)
class Peer:
    """A program: the module to import, the distribution that has it, how it is installed, and its adaptor."""

    module: str
    distribution: str
    install: str
    run: Callable[[Scan, Row, Any], None]


PEERS = {
    "PtyLab": Peer("PtyLab", "ptylab", "pip install ptylab", ptylab),
    "cdtools": Peer("cdtools", "cdtools-py", "pip install cdtools-py", cdtools),
    "pty-chi": Peer("ptychi.api", "ptychi", "pip install ptychi", ptychi),
    "ptypy": Peer("ptypy", "PtyPy", "pip install git+https://github.com/ptycho/ptypy pyfftw", ptypy),
}
NO_ADAPTOR = {"tike": "works on CUDA GPUs only"}
BATCHES = {"batch_size": 12, "batching_mode": "random"}
WAVEFIELD = {"scale_precond": True, "wavefield_precond": True, "probe_update_start": 0}
QUIET = {"compute_log_likelihood": False}
ROWS = (
    Row("PtyLab", "mPIE", 100, "defaults"),
    Row("PtyLab", "ePIE", 100, "defaults"),
    Row("cdtools", "Adam", 50, "batches of 10, lr 0.02, weights and positions held", {"batch_size": 10, "lr": 0.02}),
    Row("pty-chi", "LSQML", 100, "random batches of 12", {"noise_model": "gaussian", **BATCHES}),
    Row("pty-chi", "LSQML", 100, "random batches of 12", {"noise_model": "poisson", **BATCHES}),
    Row("pty-chi", "DM", 50, "chunks of 16", {"chunk_length": 16}),
    Row("ptypy", "DM_serial", 100, "log-likelihood not computed", QUIET),
    Row("ptypy", "EPIE_serial", 100, "log-likelihood not computed", QUIET),
    Row("ptypy", "ML_serial", 100, "wavefield and scale preconditioners, probe from the first iteration on",
        {"ML_type": "gaussian", **WAVEFIELD}),
    Row("ptypy", "ML", 100, "wavefield and scale preconditioners, probe from the first iteration on",
        {"ML_type": "poisson", **WAVEFIELD}),
)  # fmt: skip


def load(peer: str) -> str:
    """Import a peer and tell its version; whatever its import raises is passed on."""
    note = _stand_in_for_torchvision() if peer == "pty-chi" else ""
    modules: dict[str, Any] = sys.modules
    modules.setdefault("mpi4py", None)  # one process: MPI must not start
    importlib.import_module(PEERS[peer].module)
    return importlib.metadata.version(PEERS[peer].distribution) + note


def _stand_in_for_torchvision() -> str:
    """Let pty-chi load where torchvision's binary does not fit PyTorch's.

    It takes one filter from there, for a start object that we do not ask for.
    """
    try:
        importlib.import_module("torchvision.transforms")
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        transforms = types.ModuleType("torchvision.transforms")
        vars(transforms)["GaussianBlur"] = None
        sys.modules["torchvision"] = types.ModuleType("torchvision")
        sys.modules["torchvision.transforms"] = transforms
        return " (torchvision, which does not load here, stood in for)"
    return ""
