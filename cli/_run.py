"""How every command ends: one line on stderr and the right exit code, whatever stops it."""

import functools
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, ParamSpec, TypeVar

from picpxct_nx.errors import PicpxctError, RetryError

from ._talk import complain

P = ParamSpec("P")
R = TypeVar("R")

SIGINT_CODE, SIGPIPE_CODE, SIGTERM_CODE = 130, 141, 143


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Run a command so that errors of the user print one line and carry their exit code.

    Anything else is our bug: it keeps its traceback and exits with 1. SIGTERM unwinds the stack, so that nothing half
    written stays behind; a reader that went away (SIGPIPE) is no error worth a word.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        # signal.signal works in the main thread only, which is where commands run.
        signal.signal(signal.SIGTERM, _terminate)
        try:
            return function(*args, **kwargs)
        except PicpxctError as error:
            complain(str(error))
            raise SystemExit(error.exit_code) from None
        except BrokenPipeError:
            silence()
            raise SystemExit(SIGPIPE_CODE) from None
        except KeyboardInterrupt:
            complain("interrupted; nothing was written")
            raise SystemExit(SIGINT_CODE) from None
        except MemoryError as error:
            complain(f"out of memory ({error}); use fewer frames, or a machine with more")
            raise SystemExit(RetryError.exit_code) from None

    return run


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(SIGTERM_CODE)


def silence() -> None:
    """Point stdout at nothing, so that the interpreter does not complain when it flushes it at the end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
