"""How every command ends: one line on stderr and the right exit code, whatever stops it."""

import errno
import functools
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, ParamSpec, TypeVar

from picpxct_nx.errors import OutputError, PicpxctError, RetryError

from ._talk import complain

P = ParamSpec("P")
R = TypeVar("R")

SIGHUP_CODE, SIGINT_CODE, SIGPIPE_CODE, SIGTERM_CODE = 129, 130, 141, 143
_ENDINGS = {signal.SIGHUP: SIGHUP_CODE, signal.SIGINT: SIGINT_CODE, signal.SIGTERM: SIGTERM_CODE}
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


# Seconds until a signal's exception is raised again: at once where it got lost, later where nobody heard of it.
_AGAIN, _WATCHDOG = 0.01, 3.0
# Seconds within which work that ends patiently has to be written: Slurm kills 30 s after SIGTERM.
_PATIENCE = 20.0
# The exit code that the first signal asks for; whether it unwinds the stack; how many blocks would rather be asked.
_asked: list[int] = []
_raised: list[bool] = []
_patient: list[bool] = []


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
            # After a signal, errors are only what it left undone.
            if not _raised:
                complain(str(error))
            raise SystemExit(error.exit_code) from None
        except OSError as error:
            raise SystemExit(_code_of(error)) from None
        except MemoryError as error:
            complain(f"out of memory ({error}); use fewer frames, or a machine with more")
            raise SystemExit(RetryError.exit_code) from None

    return run


def run_program(program: Callable[[], object]) -> NoReturn:
    """Run the whole program: signals unwind the stack, and standard streams that fail or are closed do no harm."""
    _reserve_standard_streams()
    _listen_to_signals()
    code: str | int | None = 0
    try:
        program()
    except SystemExit as end:
        # The help is printed outside of any command; Click makes 1 of a reader that went away.
        code = SIGPIPE_CODE if isinstance(end.__context__, BrokenPipeError) else end.code
    except OSError as error:
        code = _code_of(error)
    except BaseException:
        if not _raised:
            raise
    signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        sys.stdout.flush()
    except OSError as error:
        _silence()
        code = code or _code_of(error)
    if _asked:
        code = _asked[0]
        if code == SIGINT_CODE and _raised:
            complain("interrupted; no half-written file is left behind")
    sys.exit(code)


def _listen_to_signals() -> None:
    """Make signals unwind the stack, so that nothing half written stays behind.

    An exception that a signal raises inside a destructor or a weak reference's callback is dropped by Python, and h5py
    has many of them: it is then raised again, until one gets through.
    """
    for number, ending in _ENDINGS.items():
        # What nohup ignores stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, functools.partial(_stop, ending))
    signal.signal(signal.SIGALRM, lambda _, frame: _raise_stop(frame))
    sys.unraisablehook = _raise_lost_again


def asked() -> bool:
    """Whether a signal asked the program to end."""
    return bool(_asked)


@contextmanager
def patience(*, wanted: bool = True) -> Iterator[None]:
    """A block that looks at `asked` itself: the first signal does not unwind it, so that it can hand over what it has.

    A second signal does. SIGINT is waited for without limit, for who presses a key can press it again; other signals
    come from a scheduler that soon kills, so that block and delivery have `_PATIENCE` seconds.
    """
    if wanted:
        _patient.append(True)
    try:
        yield
    finally:
        if wanted:
            _patient.pop()


def _stop(ending: int, _number: int, frame: FrameType | None) -> None:
    # Once the stack unwinds, another signal would only disturb the cleaning up.
    if _raised:
        return
    first = not _asked
    if first:
        _asked.append(ending)
    if first and _patient:
        if ending != SIGINT_CODE:
            signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
        return
    _raise_stop(frame)


def _raise_stop(frame: FrameType | None) -> None:
    if _inside_spool(frame):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        return
    _raised.append(True)
    signal.setitimer(signal.ITIMER_REAL, _WATCHDOG)
    raise SystemExit(_asked[0])


def _inside_spool(frame: FrameType | None) -> bool:
    """Whether HDF5 is waiting for a spool that it writes to: an exception there crashes it."""
    while frame is not None:
        if frame.f_code.co_filename == tempfile.__file__:
            return True
        frame = frame.f_back
    return False


def _raise_lost_again(lost: "sys.UnraisableHookArgs") -> None:
    if _raised and isinstance(lost.exc_value, SystemExit):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
    else:
        sys.__unraisablehook__(lost)


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
