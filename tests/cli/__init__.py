"""Tests of the command line, most of them with the real command in a process of its own."""
