"""Rerun: recorded histories as command lines that make the same products again, and the comparison of both."""
