"""Accuracy of normalised spectra against simulated truth, and their time as a multiple of larch and of a floor.

    python benchmarks/normalize.py [side]

Set OMP_NUM_THREADS=1. The particle is V2O5, about 2 um thick, five grains, 85 energies from 5460 to 5520 eV, default
windows; noise is white, of that standard deviation in real and imaginary part. The floor is the logarithm and the
angle of the same cube; larch, where it can be imported, fits one spectrum after the other.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from scipy import ndimage

from picpxct_nx.records import SpectralCube
from picpxct_nx.simulate import phantom, spectra
from picpxct_nx.simulate.images import View, image_stack, sample_projection, with_noise
from picpxct_nx.spectra.kramers_kronig import consistency
from picpxct_nx.spectra.normalize import normalise
from picpxct_nx.spectra.options import Options
from picpxct_nx.spectra.regression import Orders, edge_fit
from picpxct_nx.spectra.scale import Normalised
from picpxct_nx.spectra.thickness import By
from picpxct_nx.values import Array

E0 = 5483.4
ENERGIES = np.unique(
    np.concatenate([np.arange(5460, 5466, 1.0), np.arange(5466, 5490, 0.5), np.arange(5490, 5520.1, 1.0)])
)
PRE, POST = ENERGIES - E0 <= -16, ENERGIES - E0 >= 20
BY: tuple[By, ...] = ("edge-jump", "phase-drop", "off-edge-phase")
# Optical density of a metre that the edge adds: f'' of the atom with its K shell less without, at e0.
STEP = 0.09836e6


def cubes(side: int) -> tuple[Callable[[float, int], SpectralCube], phantom.Projection, Array]:
    """A maker of noisy cubes of one particle, its truth, and the pixels well inside of it."""
    seed = np.random.SeedSequence(3)
    particle = phantom.polycrystal(size=(3.2e-6, 2.6e-6, 2.4e-6), n_grains=5, max_tilt=0.6, seed=seed)
    view = View(shape=(side, side), pixel_size=4.4e-6 / side, oversampling=2)
    clean = np.stack([image_stack(particle, view, list(ENERGIES), polarisation=angle) for angle in (0.0, np.pi / 2)])
    truth = sample_projection(particle, view)
    air = ndimage.binary_erosion(truth.thickness < 1e-9, iterations=2, border_value=1)
    y, x = phantom.axes(view.shape, view.pixel_size)

    def make(noise: float, number: int) -> SpectralCube:
        images = with_noise(clean, noise, number)
        return SpectralCube(
            entry="particle", title="particle", stage="registered", measured_energy_ev=np.tile(ENERGIES, (2, 1)),
            stokes=np.tile([1.0, 1.0, 0.0, 0.0], (2, 1)), sample="V2O5", formula="O5 V2",
            rotation=np.array([0.0, -np.pi / 2]), transmission=images, polarization_angle=np.array([0.0, np.pi / 2]),
            energy_ev=ENERGIES, y=y, x=x, valid=np.ones(images.shape[:2], bool),
            known=np.ones((2, side, side), bool), air=np.tile(air, (2, 1, 1)), phase=np.zeros((2, side, side)),
        )  # fmt: skip

    inner = ndimage.binary_erosion(truth.thickness > 0.8e-6, iterations=max(2, side // 24))
    return make, truth, inner


def steps() -> None:
    """Edge step of the model's spectra in the default windows, against that of the atom."""
    print("edge step of 5460-5520 eV, constants through 5460-5467.4 and 5503.4-5520 eV")
    for name, weight in (("across the axis", 0.0), ("powder", 1 / 3), ("along the axis", 1.0)):
        _, beta = spectra.along(spectra.optical_constants(ENERGIES), weight)
        absorption = 4 * np.pi * ENERGIES / spectra.HC_EV_M * beta
        for orders in (Orders(0, 0), Orders(1, 1)):
            step = float(edge_fit(ENERGIES, E0, PRE, POST, orders).step @ absorption)
            print(f"  {name:16s} orders {orders.pre},{orders.post}  {step / STEP - 1:+7.1%}")


def thickness(make: Callable[[float, int], SpectralCube], truth: phantom.Projection, inner: Array) -> None:
    """Scatter and bias of thickness per pixel, and what the standard deviations say."""
    mean = truth.thickness[inner].mean() * 1e6
    print(f"thickness of {inner.sum()} pixels, {mean:.2f} um on average: rms scatter, bias, standard deviation")
    for noise in (0.005, 0.01, 0.03):
        for by in BY:
            found = normalise(make(noise, 0), Options(E0, by=by, density=spectra.DENSITY))
            print(f"  noise {noise:5.3f}  {by:15s} {_errors(found, truth.thickness, inner)}")


def _errors(found: Normalised, truth: Array, inner: Array) -> str:
    assert found.relative is not None
    assert found.metres is not None
    error = (found.relative.value * found.metres / np.where(truth > 0, truth, np.nan) - 1)[:, inner]
    sigma = (found.relative.sigma * found.metres / np.where(truth > 0, truth, np.nan))[:, inner]
    return f"{error.std():7.2%} {error.mean():+7.2%} {np.sqrt(np.mean(sigma**2)):7.2%}"


def coverage(make: Callable[[float, int], SpectralCube], inner: Array, draws: int = 10) -> None:
    """How many of many draws lie within one standard deviation of the cube without noise."""
    options = Options(E0)
    ideal = normalise(make(0.0, 0), options)
    names = ("step", "drop", "off")
    hits: dict[str, list[float]] = {}
    for number in range(draws):
        found = normalise(make(0.01, number), options)
        for name in names:
            pull = (getattr(found, name).value - getattr(ideal, name).value) / getattr(found, name).sigma
            hits.setdefault(name, []).append(float(np.mean(np.abs(pull[:, inner]) < 1)))
        for name, noise in (("xanes", found.density_noise), ("xpnes", found.phase_noise)):
            z, factors, scale = getattr(found, name), getattr(found, f"{name}_factors"), getattr(found, f"{name}_scale")
            own = factors.variance[..., None, None] - 2 * z * factors.covariance[..., None, None]
            var = noise[:, None] ** 2 * own + (z * scale.sigma[:, None]) ** 2
            pull = (z - getattr(ideal, name)) * np.abs(scale.value[:, None]) / np.sqrt(var)
            hits.setdefault(name, []).append(float(np.mean(np.abs(pull[:, :, inner]) < 1)))
    print("within one standard deviation (68.3 %):", ", ".join(f"{k} {np.mean(v):.1%}" for k, v in hits.items()))


def consistent(make: Callable[[float, int], SpectralCube]) -> None:
    """Kramers-Kronig residuals: of an analytic line, and of the particle."""
    energy = np.arange(5420.0, 5560.0, 0.25)
    response = 3.0 / (5490.0 - energy - 2.0j)
    check = consistency(energy, energy > 5550)
    curved = check.phase @ response.real
    rest = curved + check.absorption @ (2 * response.imag)
    print(f"Kramers-Kronig residual: analytic line {np.sqrt(np.mean(rest**2) / np.mean(curved**2)):.2%}", end="")
    for noise in (0.0, 0.01):
        found = normalise(make(noise, 0), Options(E0))
        assert found.residual is not None
        assert found.chi is not None
        text = f", particle at noise {noise:g} {np.max(found.residual):.2%}"
        print(text + (f" (chi of a pixel {np.nanmedian(found.chi[found.mask == 0]):.2f})" if noise else ""), end="")
    print()


def least(task: Callable[[], object], repeats: int = 3) -> float:
    """Least time of a task, s."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        best = min(best, time.perf_counter() - start)
    return best


def speed(make: Callable[[float, int], SpectralCube]) -> None:
    """Time of the edge fits as a part of larch's, and of everything as a multiple of logarithm and angle."""
    cube = make(0.01, 0)
    images = np.asarray(cube.transmission)
    density = (-2 * np.log(np.abs(images[0]))).astype(np.float64).reshape(len(ENERGIES), -1)
    fit = edge_fit(ENERGIES, E0, PRE, POST, Orders())
    ours = least(lambda: (density - fit.pre.of(density)) / (fit.step @ density)) / density.shape[1]
    try:
        from larch.xafs.pre_edge import preedge
    except ImportError:
        print(f"edge fit: {ours * 1e6:.2f} us a pixel; larch is not here to compare with")
    else:
        some = density[:, :: max(1, density.shape[1] // 200)].T.copy()
        windows = {"pre1": -23.4, "pre2": -15.9, "norm1": 20.0, "norm2": 36.6, "npre": 0, "nnorm": 0}
        theirs = least(lambda: [preedge(ENERGIES, mu, e0=E0, **windows) for mu in some]) / len(some)
        print(f"edge fit: {ours * 1e6:.2f} us a pixel, larch {theirs * 1e6:.0f} us: {theirs / ours:.0f} times as long")
    floor = least(lambda: (np.log(np.abs(images)), np.angle(images)))
    whole = least(lambda: normalise(cube, Options(E0)), 2)
    size = images.shape[-1]
    what = f"2 x {len(ENERGIES)} x {size}^2"
    print(f"all of normalise: {whole:.2f} s for {what}, {whole / floor:.1f} x logarithm and angle")


def main(side: int) -> None:
    """Print all figures."""
    steps()
    make, truth, inner = cubes(side)
    thickness(make, truth, inner)
    coverage(make, inner)
    consistent(make)
    speed(make)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 96)
