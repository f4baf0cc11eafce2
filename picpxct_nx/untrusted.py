"""Files from strangers: judged by a child process with limits, so that nothing in them can crash, stall or fill us.

The checks before any data are read refuse what is known to do harm; faults of the HDF5 library itself are found every
year (CVE-2025-2309, CVE-2025-2310, CVE-2025-44905), and a loop inside it reaches no signal handler of Python. Files too
large to be looked through for such a loop beforehand are read in this way too, with limits by their size.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import picpxct_nx
from picpxct_nx import nxdl
from picpxct_nx.errors import MissingInputError
from picpxct_nx.validation import Report, Violation
from picpxct_nx.validation.inputs import Named
from picpxct_nx.validation.origin import Origin
from picpxct_nx.validation.violation import shown
from picpxct_nx.verdict import compare

# -P: no module is taken from the current folder, which a stranger may have filled too.
_START = "import sys; sys.path.append(sys.argv[1]); from picpxct_nx.untrusted_child import main; main(sys.argv[2])"
_CHUNK = 2**16
_SLOWEST_BYTES = 20e6  # a second


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the child may use: memory in bytes, time and processor time in s, and length of its report in bytes."""

    memory: int = 2 * 2**30
    seconds: float = 60.0
    cpu_seconds: int = 60
    report: int = 64 * 2**20


def limits_for(size: int) -> Limits:
    """What an honest file of `size` bytes may need: all of it is read, at worst from a slow disk of the network."""
    seconds = 60 + size / _SLOWEST_BYTES
    return Limits(memory=8 * 2**30, seconds=seconds, cpu_seconds=int(seconds))


def check_untrusted(
    source: Path | BinaryIO,
    name: str | None = None,
    *,
    definition: str | None = None,
    inputs: Path | None = None,
    limits: Limits | None = None,
) -> Report:
    """Report on a stranger's file; what the child does not survive is an error in the report.

    Parameters
    ----------
    source : Path or binary file
        The file; a binary file must have a descriptor.
    name : str, optional
        How the report calls it; by default its path.
    definition : str, optional
        Name or file of the definition that the entries are held to instead of the one that they claim.
    inputs : Path, optional
        Folder with the inputs of the newest step; they are ours, and read without limits.
    limits : Limits, optional
        What reading the stranger's file may cost.

    Returns
    -------
    Report
        The report that `verdict.judge` gives, or one with the single error UNTRUSTED_CRASH (the child died by a
        signal, or by an exception of ours), UNTRUSTED_TIMEOUT or UNTRUSTED_MEMORY.

    Raises
    ------
    MissingInputError
        The file is not there or may not be read.
    InputError
        There is no such definition, or a file in the folder cannot be read.
    """
    if definition is not None:
        nxdl.find(definition)
    name, limits = name or str(source), limits or Limits()
    handle = None if isinstance(source, Path) else source.fileno()
    path = os.fspath(source) if isinstance(source, Path) else None
    request = {"path": path, "handle": handle, "name": name, "definition": definition, "inputs": inputs is not None}
    answer, fault = _ask(request | {"limits": asdict(limits)}, limits)
    if fault is not None:
        return _failed(name, *fault)
    if isinstance(answer.get("missing"), str):
        raise MissingInputError(shown(answer["missing"]))
    if "memory" in answer:
        return _failed(name, "UNTRUSTED_MEMORY", f"needs more than {limits.memory} bytes of memory to be read")
    if "crash" in answer:
        return _failed(name, "UNTRUSTED_CRASH", f"stopped its reader ({shown(str(answer['crash']))})")
    try:
        report, named = _report(name, answer["report"]), tuple(map(_named, answer["inputs"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return _failed(name, "UNTRUSTED_CRASH", "made its reader talk nonsense")
    return report if inputs is None else compare(report, named, inputs)


def _failed(name: str, code: str, reason: str) -> Report:
    return Report(name, None, (Violation("/", code, f"{reason}; do not open it with other programs, get it again"),))


def _ask(request: dict[str, Any], limits: Limits) -> tuple[dict[str, Any], tuple[str, str] | None]:
    """The child's answer, or code and reason why there is none."""
    root = str(Path(picpxct_nx.__file__).parents[1])
    command = [sys.executable, "-B", "-P", "-c", _START, root, json.dumps(request)]
    # One thread: the memory that more of them reserve counts as used.
    calm = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HDF5_PLUGIN_PRELOAD": "::"}
    handles = [] if request["handle"] is None else [request["handle"]]
    with subprocess.Popen(  # noqa: S603  # our own interpreter and code; the request is data
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | calm,
        pass_fds=handles,
        start_new_session=True,
    ) as child:
        try:
            raw, fault = _listen(child, limits)
        finally:
            child.kill()
    if fault is not None or child.returncode:
        return {}, fault or _ending(child.returncode)
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {}, None


def _listen(child: "subprocess.Popen[bytes]", limits: Limits) -> tuple[bytes, tuple[str, str] | None]:
    """All that the child writes until it ends, within the limits; the child is not waited for longer than they say."""
    assert child.stdout is not None  # noqa: S101  # it was asked for
    late = ("UNTRUSTED_TIMEOUT", f"took its reader more than {limits.seconds:g} s")
    deadline, handle, parts, length = time.monotonic() + limits.seconds, child.stdout.fileno(), [], 0
    poll = select.poll()
    poll.register(handle, select.POLLIN | select.POLLHUP)
    while True:
        rest = deadline - time.monotonic()
        if rest <= 0 or not poll.poll(rest * 1000):
            return b"", late
        part = os.read(handle, _CHUNK)
        if not part:
            break
        parts.append(part)
        length += len(part)
        if length > limits.report:
            return b"", ("UNTRUSTED_CRASH", f"has a report of more than {limits.report} bytes")
    try:
        child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return b"", late
    return b"".join(parts), None


def _ending(code: int) -> tuple[str, str]:
    if code == -signal.SIGXCPU or code == -signal.SIGALRM:
        return "UNTRUSTED_TIMEOUT", "took its reader too much time"
    if code == -signal.SIGKILL:
        return "UNTRUSTED_MEMORY", "had its reader killed, most likely for want of memory"
    reason = f"signal {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"exit {code}"
    return "UNTRUSTED_CRASH", f"crashed its reader ({reason})"


def _named(found: dict[str, Any]) -> Named:
    texts = [found[key] for key in ("path", "checksum", "uuid", "file_name")]
    if not all(isinstance(text, str) for text in texts[:2]) or not all(isinstance(t, str | None) for t in texts[2:]):
        raise TypeError(texts)
    path, checksum, uuid, file_name = texts
    return Named(path, checksum, uuid, file_name, _origin(found["product"]))


def _origin(found: dict[str, Any] | None) -> Origin | None:
    if found is None:
        return None
    if not isinstance(found["definition"], str):
        raise TypeError(found)
    energy, rotation = (found[key] and float(found[key]) for key in ("energy_ev", "rotation"))
    stokes, pixel = (found[key] and tuple(map(float, found[key])) for key in ("stokes", "pixel"))
    return Origin(found["definition"], energy, stokes, rotation, pixel, found["frames"] and int(found["frames"]))


def _report(name: str, found: dict[str, Any]) -> Report:
    """The report that the child sent, believed in its form only: a child that was taken over may send anything."""
    violations = []
    for item in found["violations"]:
        code, level, path, message = (item[key] for key in ("code", "level", "path", "message"))
        if level not in ("error", "warning") or not all(isinstance(text, str) for text in (code, path, message)):
            raise ValueError(level)
        violations.append(Violation(shown(path), shown(code), shown(message), level))
    definition = found["definition"]
    if definition is not None and not isinstance(definition, str):
        raise TypeError(definition)
    return Report(name, definition and shown(definition), tuple(violations))
