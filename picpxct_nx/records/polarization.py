"""Where the electric field points in the sample."""

import numpy as np

from picpxct_nx.values import Array


def polarization_angle(stokes: Array, rotation: float) -> float:
    """Direction of the electric field in the frame of the sample, rad, from x towards y, in [0, pi).

    alpha = atan2(U, Q) / 2 - rotation, modulo pi.

    Parameters
    ----------
    stokes : (1, 4)
        Stokes vector (I, Q, U, V) in the laboratory.
    rotation : float
        Rotation of the sample about the beam, rad.
    """
    _, q, u, _ = np.asarray(stokes, np.float64).reshape(-1, 4)[0]
    angle = float(np.mod(np.arctan2(u, q) / 2 - rotation, np.pi))
    # Rounding can leave an angle just below pi that means zero.
    return 0.0 if np.isclose(angle, np.pi) else angle
