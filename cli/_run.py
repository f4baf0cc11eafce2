"""How every command ends: one line on stderr and the right exit code, whatever stops it."""

import errno
import functools
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, ParamSpec, TypeVar

from picpxct_nx.errors import OutputError, PicpxctError, RetryError

from ._talk import complain

P = ParamSpec("P")
R = TypeVar("R")

SIGHUP_CODE, SIGINT_CODE, SIGPIPE_CODE, SIGTERM_CODE = 129, 130, 141, 143
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Run a command so that errors of the user print one line and carry their exit code.

    Anything else is our bug: it keeps its traceback and exits with 1. A reader that went away (SIGPIPE) is no error
    worth a word.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except PicpxctError as error:
            complain(str(error))
            raise SystemExit(error.exit_code) from None
        except OSError as error:
            raise SystemExit(_code_of(error)) from None
        except KeyboardInterrupt:
            complain("interrupted; no half-written file is left behind")
            raise SystemExit(SIGINT_CODE) from None
        except MemoryError as error:
            complain(f"out of memory ({error}); use fewer frames, or a machine with more")
            raise SystemExit(RetryError.exit_code) from None

    return run


def run_program(program: Callable[[], object]) -> NoReturn:
    """Run the whole program: signals unwind the stack, and standard streams that fail or are closed do no harm."""
    _reserve_standard_streams()
    for number, ending in ((signal.SIGTERM, SIGTERM_CODE), (signal.SIGHUP, SIGHUP_CODE)):
        # What nohup ignores stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, functools.partial(_terminate, ending))
    code: str | int | None = 0
    try:
        program()
    except SystemExit as end:
        # The help is printed outside of any command; Click makes 1 of a reader that went away.
        code = SIGPIPE_CODE if isinstance(end.__context__, BrokenPipeError) else end.code
    except OSError as error:
        code = _code_of(error)
    try:
        sys.stdout.flush()
    except OSError as error:
        _silence()
        code = code or _code_of(error)
    sys.exit(code)


def _terminate(code: int, _number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(code)


def _code_of(error: OSError) -> int:
    """Exit code of a system error that is no bug of ours; a bug is raised again."""
    if error.errno == errno.EPIPE:
        _silence()
        return SIGPIPE_CODE
    if error.errno in _FULL:
        _silence()
        complain(f"{error.filename or 'output'}: no room left ({error.strerror}); free some and run again")
        return RetryError.exit_code
    if error.errno == errno.EBADF:
        complain("stdout is closed; add -o FILE, or pipe it on")
        return OutputError.exit_code
    raise error


def _reserve_standard_streams() -> None:
    """Hold the place of closed standard streams, or the next file that is opened would be written to by our talk."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDONLY if number != 2 else os.O_WRONLY)
            # Standard input reads as empty, standard output refuses every byte, talk goes nowhere.
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115


def _silence() -> None:
    """Point stdout at nothing, so that the interpreter does not complain when it flushes it at the end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
