"""Rings of Fourier samples and the correlation of two spectra over each of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picpxct_nx.images.fourier import Complex, Real

Indices = npt.NDArray[np.int64]

_ROUNDING = 64 * np.finfo(np.float64).eps  # of an amplitude after a transform, relative to the mean one

_TIE = 1e-9  # rings; a sample on the border of two belongs to the outer one whatever the rounding


@dataclass(frozen=True)
class Rings:
    """The ring of each Fourier sample of an image, rings 0 .. count - 1 reaching Nyquist."""

    index: Indices  # (n_y, n_x), zero frequency first; samples past Nyquist have an index >= count
    count: int
    width: float  # cycles per pixel from ring to ring

    @property
    def frequency(self) -> Real:
        """Frequency of each ring in cycles per pixel."""
        return np.asarray(np.arange(self.count) * self.width, dtype=np.float64)


def make_rings(shape: tuple[int, int], *, thickness: int = 1) -> Rings:
    """Sort the Fourier samples of an image into rings.

    ring = floor(|q| / (thickness step) + 1/2), step = 1 / min(n_y, n_x) cycles per pixel: the coarser step of an
    oblong image, so that every ring holds samples of every direction. Rings do not overlap.

    Parameters
    ----------
    shape : (n_y, n_x)
    thickness : of a ring, in steps
    """
    width = thickness / min(shape)
    q_y, q_x = (np.fft.fftfreq(size, width) for size in shape)
    index = (np.hypot(q_y[:, None], q_x) + 0.5 + _TIE).astype(np.int64)
    return Rings(index=index, count=int(0.5 / width + _TIE) + 1, width=width)


def correlate_rings(a: Complex, b: Complex, rings: Rings) -> tuple[Real, Indices]:
    """Correlate two spectra ring by ring.

    FRC(k) = Re sum A B* / sqrt(sum |A|^2 sum |B|^2), sums over ring k in double precision. A ring where either
    spectrum has no power beyond rounding has correlation 0: nothing there is shown to agree.

    Parameters
    ----------
    a, b : (n_y, n_x) complex spectra, zero frequency first
    rings : from `make_rings` of the same shape

    Returns
    -------
    correlation : (count,)
    samples : (count,) number of all Fourier samples in each ring

    References
    ----------
    Saxton & Baumeister, J. Microsc. 127, 127 (1982); van Heel & Schatz, J. Struct. Biol. 151, 250 (2005).
    """
    index = rings.index.ravel()
    samples = np.bincount(index, minlength=rings.count)[: rings.count]
    cross, power_a, power_b = (
        np.bincount(index, weights=_real_product(*both).ravel(), minlength=rings.count)[: rings.count]
        for both in ((a, b), (a, a), (b, b))
    )
    seen = np.ones(rings.count, dtype=bool)
    for power in (power_a, power_b):
        seen &= power > _ROUNDING**2 * samples * power.sum() / samples.sum()
    correlation = np.zeros(rings.count)
    correlation[seen] = cross[seen] / np.sqrt(power_a[seen] * power_b[seen])
    return correlation, samples


def _real_product(a: Complex, b: Complex) -> Real:
    """Give Re(a b*)."""
    return np.asarray(a.real * b.real + a.imag * b.imag)
