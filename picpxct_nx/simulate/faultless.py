"""Reconstructions of a small particle as a faultless solver would leave them: truth for what follows a solver."""

import numpy as np

from picpxct_nx.provenance import step
from picpxct_nx.records import Reconstruction
from picpxct_nx.values import Value

from . import phantom
from .images import View, image_stack, with_noise

# Size of a pixel at the lowest energy, the blur of the images in pixels, and their noise.
PIXEL, ENERGY_EV, BLUR_PX, NOISE = 50e-9, 5460.0, 0.8, 0.003
PARTICLE = phantom.polycrystal(size=(2.2e-6, 1.8e-6, 1.5e-6), n_grains=4, max_tilt=0.5, seed=np.random.SeedSequence(3))
# Rows and columns that are left out at the start: the axis of rotation is not on the middle of the image.
LEFT_OUT = (3, 1)


def flattened(
    energy_ev: float = ENERGY_EV, rotation: float = 0.0, *, side: int = 64, seed: int = 0, **changes: Value | None
) -> Reconstruction:
    """A flattened reconstruction of the particle: a round field, and pixels that shrink with energy.

    Parameters
    ----------
    energy_ev : eV
    rotation : rad
    side : pixels before rows and columns are left out
    seed : of the noise
    changes : attributes of the record that are to be others
    """
    pixel = PIXEL * ENERGY_EV / energy_ev
    image = image_stack(PARTICLE, View((side, side), pixel, BLUR_PX, 1), [energy_ev], rotation=rotation)[0]
    y, x = (pixel * (np.arange(side) - side // 2)[left:] for left in LEFT_OUT)
    noisy = with_noise(image, NOISE, seed)[LEFT_OUT[0] :, LEFT_OUT[1] :]
    radius = np.hypot(y[:, None], x)
    coverage = (100 * np.clip(1.4 - radius / (0.42 * side * pixel), 0, 1)).astype(np.float32)
    window = pixel * (np.arange(16) - 8)
    values: dict[str, Value | None] = {
        "entry": f"scan_E{round(energy_ev * 10):06d}_R{round(np.rad2deg(rotation)):03d}",
        "title": f"particle, {energy_ev:.1f} eV",
        "stage": "flattened",
        "energy_ev": energy_ev,
        "stokes": np.array([[1.0, 1.0, 0.0, 0.0]]),
        "sample": "particle",
        "formula": "O5 V2",
        "rotation": rotation,
        "transmission": noisy,
        "y": y,
        "x": x,
        "coverage": coverage,
        "air": (radius > 1.25e-6) & (coverage > 10),
        "probe": np.ones((1, 16, 16), np.complex64),
        "probe_y": window,
        "probe_x": window,
    }
    values |= changes
    removed: dict[str, Value] = {
        "flattening/constant": 0.1,
        "flattening/slope": np.zeros(2),
        "flattening/amplitude": 1.0,
        "flattening/noise": NOISE,
    }
    extra = removed if values["stage"] == "flattened" else {}
    angle = np.angle(np.asarray(values["transmission"], np.complex64)).astype(np.float32)
    record = Reconstruction(**values, phase=angle, extra=extra)  # type: ignore[arg-type]
    made = record.made_by(step("reconstruct", {"seed": seed}))
    if values["stage"] == "reconstructed":
        return made
    return made.made_by(step("flatten", {"air": "known"}, [made.as_input()]), (made,))
