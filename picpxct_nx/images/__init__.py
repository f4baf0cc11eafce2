"""Images in and out of Fourier space: shifts, ramps, Fourier ring correlation, scoring against truth."""
