"""Checks of a file against its definition: they return violations, never print, never raise for bad data."""
