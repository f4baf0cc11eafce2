"""Checks of a file against its definition: they return violations, never print, never raise for bad data."""

from picpxct_nx.validation.check import check_file, claimed
from picpxct_nx.validation.hostile import survey
from picpxct_nx.validation.violation import Report, Violation

__all__ = ["Report", "Violation", "check_file", "claimed", "survey"]
