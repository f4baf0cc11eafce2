"""A simulated experiment with known truth: optics, specimen, scan, detector."""
