"""Spectro-ptychography with linear polarisation: a strict NeXus data model and single-purpose commands."""

__version__ = "0.1.0"
