"""The child process that reads a stranger's file: limits first, then the verdict, as one JSON object on a pipe."""

import dataclasses
import json
import math
import os
import resource
import signal
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from picpxct_nx import verdict
from picpxct_nx.errors import MissingInputError


def main(text: str) -> NoReturn:
    """Answer the request that `untrusted` makes.

    Everything that is ours is imported by now; from here on the process may use little and write nothing.
    """
    request = json.loads(text)
    pipe, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    # What a library says must not get into the answer.
    os.dup2(null, 1)
    _limit(**request["limits"])
    answer = json.dumps(_answer(request)).encode()
    while answer:
        answer = answer[os.write(pipe, answer) :]
    # Nothing of HDF5 is taken apart: after damaged bytes that alone can crash.
    os._exit(0)


def _answer(request: dict[str, Any]) -> dict[str, object]:
    try:
        if request["path"] is not None:
            return _verdict(Path(request["path"]), request)
        with os.fdopen(request["handle"], "rb") as handle:
            return _verdict(handle, request)
    except MissingInputError as error:
        return {"missing": str(error)}
    except MemoryError:
        return {"memory": True}
    except Exception as error:  # a bug of ours, or bytes that a library cannot stand: a verdict all the same
        return {"crash": f"{type(error).__name__}: {error}"[:500]}


def _verdict(source: Path | BinaryIO, request: dict[str, Any]) -> dict[str, object]:
    definition, inputs = request["definition"], request["inputs"]
    report, named = verdict.look(source, request["name"], definition=definition, inputs=inputs)
    return {"report": report.as_json(), "inputs": [dataclasses.asdict(one) for one in named]}


def _limit(*, memory: int, seconds: float, cpu_seconds: int, report: int) -> None:
    """Bound memory, processor time and files; an alarm ends us also where the parent is gone."""
    del report  # the parent counts
    for kind, most, last in (
        (resource.RLIMIT_AS, memory, memory),
        # SIGXCPU at the first, SIGKILL at the second.
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, 64, 64),
    ):
        # A limit that stands lower already stays.
        _, hard = resource.getrlimit(kind)
        bound = last if hard == resource.RLIM_INFINITY else min(last, hard)
        resource.setrlimit(kind, (min(most, bound), bound))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(math.ceil(seconds) + 5)
