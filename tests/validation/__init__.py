"""Tests of the checks: one fault, one violation."""
