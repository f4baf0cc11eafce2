"""Phase unwrapping: once through the mean image of a polarisation, anchored where there is air."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from picpxct_nx.errors import InputError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# The phase of a mean that is weaker than this is noise, not phase.
LEAST_MODULUS = 0.05
# Matter has negative phase; noise makes some of it less negative.
_THINNEST = 0.98


def unwrap_mean(mean: NDArray[np.complex128], known: Mask, air: Mask | None) -> Floats:
    """Unwrapped phase of a mean transmission, zero in air and negative in matter.

    Each connected region of known pixels is shifted by the multiple of 2 pi that brings its air to zero. A region
    without air, and pixels beside a jump of more than pi, are not unwrapped. Where no air is shown at all (None), the
    thinnest matter of each region is taken to be less than half a turn deep.

    Parameters
    ----------
    mean : (h, w) transmission averaged over the energies
    known : (h, w)
    air : (h, w), optional

    Returns
    -------
    (h, w) rad, NaN where the phase is not unwrapped.

    Raises
    ------
    InputError
        No pixel can be unwrapped.

    References
    ----------
    M. A. Herráez et al., Appl. Opt. 41, 7437 (2002), doi 10.1364/AO.41.007437: sorting by reliability.
    """
    from skimage.restoration import unwrap_phase

    # Not a number would make the unwrapping run for ever.
    usable = known & np.isfinite(mean) & (np.abs(np.where(known & np.isfinite(mean), mean, 0)) > LEAST_MODULUS)
    if not usable.any():
        raise InputError(f"no known pixel has a mean transmission above {LEAST_MODULUS}; there is no phase to unwrap")
    wrapped = np.angle(np.where(usable, mean, 1.0))
    if usable.all():
        phase = np.asarray(unwrap_phase(wrapped, rng=0), np.float64)  # type: ignore[no-untyped-call]
    else:
        masked = unwrap_phase(np.ma.masked_array(wrapped, ~usable), rng=0)  # type: ignore[no-untyped-call]
        phase = np.where(usable, np.ma.getdata(masked), np.nan)
    regions, count = ndimage.label(usable)
    anchors = np.full(count + 1, np.nan)
    for region in np.unique(regions[usable if air is None else usable & air]):
        inside = regions == region
        zero = np.quantile(phase[inside], _THINNEST) if air is None else np.median(phase[air & inside])
        anchors[region] = 2 * np.pi * np.rint(zero / (2 * np.pi))
    phase = np.asarray(phase - anchors[regions], np.float64)
    phase[_torn(phase)] = np.nan
    return phase


def _torn(phase: Floats) -> Mask:
    """Pixels beside a neighbour from which they differ by more than pi."""
    torn = np.zeros(phase.shape, bool)
    for axis in (0, 1):
        jumps = np.abs(np.diff(phase, axis=axis)) > np.pi
        near, far = [slice(None)] * 2, [slice(None)] * 2
        near[axis], far[axis] = slice(None, -1), slice(1, None)
        torn[tuple(near)] |= jumps
        torn[tuple(far)] |= jumps
    return torn
