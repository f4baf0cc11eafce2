"""The few errors a user can cause; anything else that is raised is a bug of ours and keeps its traceback.

An error message is one line that says what is wrong, where, what was found, what was wanted, and what to do.
Every class carries the exit code (sysexits.h) with which the command line ends.
"""

from typing import ClassVar


class PicpxctError(Exception):
    """Base of all errors that are the input's or the caller's fault."""

    exit_code: ClassVar[int] = 65


class UsageError(PicpxctError):
    """The command line contradicts itself or names what does not exist (exit 2)."""

    exit_code = 2


class InputError(PicpxctError):
    """The data are bad: not HDF5, truncated, hostile, against the schema, of the wrong stage (exit 65)."""


class UnitError(InputError):
    """A unit is missing, unknown or of the wrong dimension (exit 65)."""


class MissingInputError(PicpxctError):
    """An input does not exist, cannot be read, or the pipe before us was empty (exit 66)."""

    exit_code = 66


class UnavailableError(PicpxctError):
    """A device or an optional library is not there (exit 69)."""

    exit_code = 69


class ConvergenceError(PicpxctError):
    """The numbers became non-finite or ran away (exit 70)."""

    exit_code = 70


class OutputError(PicpxctError):
    """The output exists, is a terminal, or cannot be written (exit 73)."""

    exit_code = 73


class RetryError(PicpxctError):
    """A resource ran out: GPU memory or disk space; a later try may succeed (exit 75)."""

    exit_code = 75


class ConfigError(PicpxctError):
    """The configuration file is wrong (exit 78)."""

    exit_code = 78
