"""The known field: where a reconstruction was lit well enough to be more than noise."""

import numpy as np
import numpy.typing as npt

from picpxct_nx.errors import InputError
from picpxct_nx.records import Reconstruction

# Where less than this part of the strongest light fell, an object is noise.
LEAST_COVERAGE = 0.1


def light(record: Reconstruction, least: float = LEAST_COVERAGE) -> npt.NDArray[np.float64]:
    """Coverage (H, W) relative to its maximum, zero below `least`; ones where the record has none.

    The variance of the noise goes as 1 / coverage, so that this is a weight as well.

    Raises
    ------
    InputError
        Nothing was lit, or the object is not finite where it was.
    """
    if record.coverage is None:
        weight = np.ones(record.transmission.shape)
    else:
        coverage = np.asarray(record.coverage, np.float64)
        strongest = float(np.nanmax(coverage)) if coverage.size else 0.0
        if not strongest > 0:
            raise InputError(f"{record.entry}/object/coverage: is zero everywhere; reconstruct the scan again")
        relative = coverage / strongest
        weight = np.where(relative >= least, relative, 0.0)
    wrong = int(np.sum((weight > 0) & ~np.isfinite(record.transmission)))
    if wrong:
        raise InputError(
            f"{record.entry}/object/transmission: {wrong} pixels of the known field are not finite; reconstruct the "
            "scan again, or set coverage to zero there"
        )
    return weight
