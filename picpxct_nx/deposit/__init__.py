"""Deposits: results packed as an archive that a stranger can validate, cite, open and run again."""
