"""Beam time planned before it is spent: what an experiment can reach, and which one reaches a target."""
