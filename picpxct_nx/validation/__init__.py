"""Checks of a file against its definition; they return violations, never print and never raise for bad data."""
