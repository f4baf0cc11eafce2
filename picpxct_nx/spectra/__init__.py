"""Spectra of every pixel: unwrapping, normalisation, thickness, Kramers-Kronig consistency."""
