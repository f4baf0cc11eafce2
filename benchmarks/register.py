"""Measure how well turn and shift between two polarisations are found, against truth, from random starts.

    python benchmarks/register.py [--side 256] [--starts 12] [--noise 0.01 0.05] [--energies 21] [--simpleitk] [--cost]

Each start is another V2O5 particle whose grains differ between the polarisations; it is turned by 90 deg and up to
2 deg more, and shifted by up to 6 px an axis. Rows are feature, bins, and which energies make the mean image: rms and
largest error of the angle in deg and of the shift in px, what the command says of its errors, and the time as a
multiple of a pair of transforms (fft2 and ifft2 of complex64) of the frame. `--simpleitk` registers the same pairs
with SimpleITK (Mattes mutual information, three levels), where it is installed. `--cost` prints the time over pixels.
Set OMP_NUM_THREADS=1.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import fft

from picpxct_nx.images import features, motion, registration
from picpxct_nx.images.matching import Pair
from picpxct_nx.simulate import images, phantom

Floats = npt.NDArray[np.float64]
SUBSETS: dict[str, Callable[[Floats], npt.NDArray[np.bool_]]] = {
    "all energies": lambda e: e > 0,
    "below 5467 eV": lambda e: e < 5467,
    "5468 to 5474 eV": lambda e: (e > 5468) & (e < 5474),
    "beyond 5490 eV": lambda e: e > 5490,
}


def views(side: int, energies: Floats, start: int) -> tuple[npt.NDArray[np.complex128], Floats]:
    """Images (2, E, side, side) without noise, and the truth: angle in rad and shift (y, x) in px that undo it."""
    rng = np.random.default_rng(start)
    degrees, shift, width = rng.uniform(-2, 2), rng.uniform(-6, 6, 2), 3.5e-6
    specimen = phantom.polycrystal(
        size=(width, 2.9e-6, 2.4e-6), n_grains=7, max_tilt=np.deg2rad(35), seed=np.random.SeedSequence(start)
    )
    view = images.View((side, side), width / (0.6 * side), oversampling=6)
    angle = np.deg2rad(90 + degrees)
    moves = np.tile(shift, (len(energies), 1))
    still = images.image_stack(specimen, view, list(energies))
    turned = images.image_stack(specimen, view, list(energies), rotation=float(angle), shifts_px=moves)
    back = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ shift
    return np.stack([still, turned]), np.array([-np.deg2rad(degrees), *-back])


def paired(noisy: npt.NDArray[np.complex64], on: features.Feature) -> Pair:
    """The mean images of two polarisations in the frame of the sample, the second turned back by 90 deg."""
    side = motion.frame_side(noisy.shape)
    known = motion.framed(np.ones(noisy.shape[2:], bool), side, fill=False)
    shown = [motion.framed(features.extract(stack.mean(axis=0), on), side, fill=0) for stack in noisy]
    windows = [features.window(motion.turned(known, turns)) for turns in (0, -1)]
    return Pair(shown[0].astype(float), motion.turned(shown[1], -1).astype(float), windows[0], windows[1])


def with_simpleitk(pair: Pair) -> Floats:
    """Angle and shift by SimpleITK: Mattes mutual information on three levels."""
    import SimpleITK as sitk  # noqa: N813  # as everybody calls it

    fixed, moving = (sitk.GetImageFromArray(one.astype(np.float32)) for one in (pair.fixed, pair.moving))
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetOptimizerAsRegularStepGradientDescent(0.5, 1e-5, 500)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInterpolator(sitk.sitkBSpline)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0.5])
    middle = len(pair.fixed) // 2
    method.SetInitialTransform(sitk.Euler2DTransform((middle, middle), 0.0, (0.0, 0.0)))
    found = method.Execute(fixed, moving)
    euler = sitk.Euler2DTransform(found.GetNthTransform(0) if hasattr(found, "GetNthTransform") else found)
    # It maps places of the fixed image to places of the moving one: the inverse of how content moves.
    angle, (x, y) = euler.GetAngle(), euler.GetTranslation()
    back = -np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.array([y, x])
    return np.array([-angle, *back])


def told(name: str, apart: list[Floats], said: list[Floats], times: list[float], pair_s: float) -> None:
    """Print one line: errors of angle (deg) and shift (px), what was said of them, and the time."""
    error, sigma = np.abs(np.array(apart)), np.sqrt(np.mean(np.square(said), axis=0)) if said else np.full(3, np.nan)
    degrees, pixels = np.rad2deg(error[:, 0]), error[:, 1:]
    print(
        f"{name:46s} {np.sqrt(np.mean(degrees**2)):.4f}/{degrees.max():.4f} deg (said {np.rad2deg(sigma[0]):.4f})  "
        f"{np.sqrt(np.mean(pixels**2)):.4f}/{pixels.max():.4f} px (said {np.sqrt(np.mean(sigma[1:] ** 2)):.4f})  "
        f"{np.median(times) / pair_s:6.0f} pairs",
        flush=True,
    )


def pair_time(side: int) -> float:
    """Least time of a pair of transforms in s."""
    image, times = np.ones((side, side), np.complex64), []
    for _ in range(20):
        start = time.perf_counter()
        fft.ifft2(fft.fft2(image))
        times.append(time.perf_counter() - start)
    return min(times)


def accuracy(given: argparse.Namespace) -> None:
    """Print one line a noise, feature, number of bins and subset of energies."""
    energies = np.linspace(5460, 5520, given.energies)
    truths = [views(given.side, energies, start) for start in range(1, given.starts + 1)]
    pair_s = pair_time(given.side)
    rows = [(on, 32, subset) for on in features.REAL for subset in SUBSETS]
    rows += [("gradient", bins, "all energies") for bins in (16, 64)]
    for noise in given.noise:
        noisy = [images.with_noise(clean, noise, seed) for seed, (clean, _) in enumerate(truths)]
        for on, bins, subset in rows:
            chosen = SUBSETS[subset](energies)
            apart, said, times, theirs, their_times = [], [], [], [], []
            for stack, (_, truth) in zip(noisy, truths, strict=True):
                pair = paired(stack[:, chosen], on)
                start = time.perf_counter()
                found = registration.register(pair, "rigid", bins, np.deg2rad(10))
                times.append(time.perf_counter() - start)
                apart.append(np.array([found.motion.angle, *found.motion.shift_px]) - truth)
                said.append(np.array([found.angle_error, *found.shift_errors_px]))
                if given.simpleitk:
                    start = time.perf_counter()
                    theirs.append(with_simpleitk(pair) - truth)
                    their_times.append(time.perf_counter() - start)
            told(f"noise {noise:.2f} {on:8s} {bins} bins, {subset}", apart, said, times, pair_s)
            if given.simpleitk:
                told("    SimpleITK, Mattes", theirs, [], their_times, pair_s)


def cost() -> None:
    """Print the time over pixels."""
    for side in (128, 256, 512):
        clean, _ = views(side, np.array([5500.0, 5515.0]), 1)
        pair = paired(images.with_noise(clean, 0.01, 0), "gradient")
        start = time.perf_counter()
        registration.register(pair, "rigid", 32, np.deg2rad(10))
        seconds = time.perf_counter() - start
        print(f"{side:4d}^2 px: {seconds:6.2f} s, {seconds / pair_time(side):6.0f} pairs", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--starts", type=int, default=12)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.01, 0.05])
    parser.add_argument("--energies", type=int, default=21)
    parser.add_argument("--simpleitk", action="store_true")
    parser.add_argument("--cost", action="store_true")
    arguments = parser.parse_args()
    cost() if arguments.cost else accuracy(arguments)
