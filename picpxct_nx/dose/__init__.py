"""Radiation dose: how many photons met which part of the sample, and what they left there."""
