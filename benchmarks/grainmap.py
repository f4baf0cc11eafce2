"""What grainmap finds of simulated particles: orientations, grains, and how sure it is, against the truth.

python benchmarks/grainmap.py [PARTICLES]

Columnar grains in a particle of 8 x 7 um at 48.8 nm, spectra in steps of 0.5 eV (and at the tutorial's eight energies)
normalised by the phase before the edge. A line is the mean over the particles. `pixel` is the median error of a pixel,
`sigma` what its own sigma calls for; `true grains` the rms error of the mean orientation over the grains of the truth,
`found` the same over the grains found, weighted by area; `Rand` the adapted Rand error where the mask lets see, `whole`
the same with the masked rim counted as missed. With two polarisations errors are modulo the mirror image.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import adapted_rand_error

from picpxct_nx.grains.orientation import light
from picpxct_nx.grains.record import choose, make_map
from picpxct_nx.grains.statistics import apart, mean_direction
from picpxct_nx.records import GrainMap
from picpxct_nx.simulate.phantom import Projection

sys.path.append(str(Path(__file__).parents[1]))
from tests.grains.normalised import DENSE_EV, SPARSE_EV, normalised, truth  # the particles of the tests

PIXEL = 48.8e-9
POLARISATIONS = ((0.0, 90.0), (0.0, 60.0, 120.0), (0.0, 45.0, 90.0, 135.0))
ALL = (0.0, 45.0, 60.0, 90.0, 120.0, 135.0)
# Name, thickness in m, energies, noise of real and imaginary part each.
CASES = (
    ("2 um", 2e-6, DENSE_EV, (0.01, 0.02, 0.03)),
    ("4 um", 4e-6, DENSE_EV, (0.01,)),
    ("2 um, 8 energies", 2e-6, SPARSE_EV, (0.01,)),
)
Floats = NDArray[np.float64]


def errors_of(angle: Floats, true: Floats, *, ambiguous: bool) -> Floats:
    """Difference of directions in degrees, modulo the mirror image where there is one."""
    found = apart(angle, true)
    return np.rad2deg(np.minimum(found, apart(-angle, true)) if ambiguous else found)


def judge(found: GrainMap, projection: Projection) -> tuple[float, ...]:
    """The numbers of one map."""
    seen, mirror = found.label > 0, bool(found.mirror_ambiguous)
    true = np.where(seen, projection.label, 0).astype(np.int32)
    inside = true > 0
    pixel = np.median(errors_of(found.orientation[inside], projection.azimuth[inside], ambiguous=mirror))
    sigma = 0.6745 * np.rad2deg(np.median(found.orientation_errors[inside]))
    azimuth = np.array([projection.azimuth[projection.label == n][0] for n in range(1, true.max() + 1)])
    signal, spread = found.signal.astype(np.float64), np.asarray(found.signal_errors, np.float64)
    background = (found.background or 0.0, found.background_errors or 0.0)
    grains = mean_direction(signal, spread, true, light(found.stokes, found.polarization_angle), background)
    over_true = np.sqrt(np.mean(errors_of(grains.angle, azimuth, ambiguous=mirror) ** 2))
    most = np.array([np.bincount(true[found.label == n]).argmax() for n in found.grain_id])
    missed = errors_of(found.mean_orientation, azimuth[most - 1], ambiguous=mirror)
    over_found = np.sqrt(np.average(missed**2, weights=found.pixels))
    rand = adapted_rand_error(true, found.label, ignore_labels=[0])[0]  # type: ignore[no-untyped-call]
    whole = adapted_rand_error(projection.label, found.label, ignore_labels=[0])[0]  # type: ignore[no-untyped-call]
    return pixel, sigma, over_true, over_found, rand, whole, len(found.grain_id) / projection.label.max()


def main(particles: int) -> None:
    """Print the table."""
    heads = ("pixel", "sigma", "true grains", "found", "Rand", "whole", "grains/true")
    print(f"{'specimen':<18}{'noise':>6} {'signal':<11}{'pol':>4}", *(f"{head:>12}" for head in heads))
    for name, thickness, energies, noises in CASES:
        made = [
            truth(seed=seed, degrees=ALL, energies_ev=energies, size=(8e-6, 7e-6, thickness), n_grains=15,
                  shape=(192, 192), pixel=PIXEL)
            for seed in range(10, 10 + particles)
        ]  # fmt: skip
        for noise in noises:
            for signal in ("od-peak", "phase-lobe"):
                for degrees in POLARISATIONS:
                    rows = []
                    for seed, (stacks, projection) in enumerate(made):
                        chosen = {angle: stacks[angle] for angle in degrees}
                        cube = normalised(chosen, projection, energies, noise=noise, seed=seed, pixel=PIXEL)
                        rows.append(judge(make_map(cube, choose(signal)), projection))
                    mean = [float(np.mean(column)) for column in zip(*rows, strict=True)]
                    print(
                        f"{name:<18}{noise:>6} {signal:<11}{len(degrees):>4}",
                        *(f"{v:>12.3f}" for v in mean),
                        flush=True,
                    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
