"""A report in words: one heading a file, then a path, then what is wrong there and what to do."""

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from picpxct_nx.validation import Report, Violation

_COLOURS = {"error": "red", "warning": "yellow", "valid": "green", "INVALID": "red", "path": "cyan"}
_NARROWEST = 40


def as_text(report: "Report", *, valid: bool) -> str:
    """The report on one file; `valid` is the verdict, which also warnings may spoil."""
    errors, warnings = len(report.errors), len(report.violations) - len(report.errors)
    verdict, claims = "valid" if valid else "INVALID", report.definition or "no definition"
    counts = f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
    lines = [f"{printable(report.file)}: {_paint(verdict, verdict)}, {counts} ({claims})"]
    for path, found in groupby(report.violations, key=lambda violation: violation.path):
        lines += [_paint(f"  {path}", "path"), *(line for violation in found for line in _lines(violation))]
    return "\n".join(lines)


def _lines(violation: "Violation") -> list[str]:
    """What was found, and on lines of its own what was wanted or is to do."""
    label = f"{violation.level} {violation.code}:"
    found, _, remedy = violation.message.partition("; ")
    lines = _wrapped(f"{label} {found}", "    ") + (_wrapped(remedy, "      ") if remedy else [])
    return [lines[0].replace(label, _paint(label, violation.level), 1), *lines[1:]]


def _wrapped(text: str, indent: str) -> list[str]:
    # A program that reads the lines gets each in one piece.
    if not sys.stdout.isatty():
        return [f"{indent}{text}"]
    width = max(_NARROWEST, shutil.get_terminal_size().columns)
    wrap = textwrap.TextWrapper(width, initial_indent=indent, subsequent_indent="      ", break_on_hyphens=False)
    return wrap.wrap(text)


def summary(reports: Sequence["tuple[Report, bool]"], missing: int) -> str:
    """One line over several files."""
    good = sum(valid for _, valid in reports)
    errors = sum(len(report.errors) for report, _ in reports)
    warnings = sum(len(report.violations) for report, _ in reports) - errors
    parts = [f"{good} valid", f"{len(reports) - good} invalid", *([f"{missing} missing"] if missing else [])]
    counts = f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
    return f"{counted(len(reports) + missing, 'file')}: {', '.join(parts)}; {counts}"


def counted(number: int, noun: str) -> str:
    """A number and its noun: 1 error, 2 errors."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def printable(name: str) -> str:
    """A file's name as it may stand on a terminal: names too can hold control characters, or no text at all."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)


def _paint(text: str, kind: str) -> str:
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain else typer.style(text, fg=_COLOURS[kind])
