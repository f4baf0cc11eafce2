"""Normalised cubes of simulated particles with known truth, made here without the commands that normalise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from picpxct_nx import provenance
from picpxct_nx.records import NormalizedCube
from picpxct_nx.simulate import images, phantom
from picpxct_nx.simulate.phantom import Projection

EDGE_EV, PRE_EV, POST_EV = 5483.4, (-23.4, -16.4), (22.0, 31.6)
SPARSE_EV = (5460.0, 5469.0, 5470.0, 5471.0, 5472.0, 5476.0, 5482.0, 5515.0)
# Steps of 0.5 eV around the pre-edge peak, and what normalising needs.
DENSE_EV = (
    *np.arange(5460.0, 5466.1, 1.0), *np.arange(5466.5, 5476.1, 0.5), *np.arange(5480.0, 5484.1, 1.0),
    *np.arange(5506.0, 5520.1, 2.0),
)  # fmt: skip
THIN = 0.3e-6
Images = dict[float, NDArray[np.complex128]]


def truth(
    *,
    seed: int,
    degrees: Sequence[float],
    energies_ev: Sequence[float] = SPARSE_EV,
    size: tuple[float, float, float] = (3.2e-6, 2.8e-6, 2e-6),
    n_grains: int = 6,
    shape: tuple[int, int] = (72, 72),
    pixel: float = 50e-9,
) -> tuple[Images, Projection]:
    """Transmissions (E, H, W) for every polarisation in degrees, and what there is to be found."""
    particle = phantom.polycrystal(
        size=size, n_grains=n_grains, max_tilt=np.deg2rad(35.0), seed=np.random.SeedSequence(seed)
    )
    view = images.View(shape, pixel)
    stacks = {
        angle: images.image_stack(particle, view, energies_ev, polarisation=np.deg2rad(angle)) for angle in degrees
    }
    return stacks, images.sample_projection(particle, view)


def normalised(
    stacks: Images,
    projection: Projection,
    energies_ev: Sequence[float],
    *,
    noise: float,
    seed: int = 0,
    by: str = "off-edge-phase",
    purity: float = 1.0,
    pixel: float = 50e-9,
) -> NormalizedCube:
    """Spectra over the edge step and the phase drop of every pixel; the thickness from the phase before the edge."""
    rng, energy, n = np.random.default_rng(seed), np.asarray(energies_ev), len(stacks)
    noisy = np.stack([images.with_noise(t, noise, int(rng.integers(2**31))) for t in stacks.values()])
    density, phase = -2 * np.log(np.abs(noisy)), np.angle(noisy).astype(np.float64)
    pre, post = (
        (energy >= EDGE_EV + low - 0.01) & (energy <= EDGE_EV + high + 0.01) for low, high in (PRE_EV, POST_EV)
    )
    edge = np.argmin(np.abs(energy - 5482.0))
    mean_ev = [energy[window].mean() for window in (pre, post)]
    ends = [phase[:, window].mean(axis=1) for window in (pre, post)]
    share = ((energy - mean_ev[0]) / (mean_ev[1] - mean_ev[0]))[None, :, None, None]
    lifted = phase - (ends[0][:, None] + share * (ends[1] - ends[0])[:, None])
    absorbed = density - density[:, pre].mean(axis=1)[:, None]
    step, drop = absorbed[:, post].mean(axis=1), lifted[:, edge]
    thickness = np.abs(ends[0]) / 0.535e6
    good = (thickness > THIN).all(axis=0) & (projection.thickness > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        divisors = (step, drop) if by == "edge-jump" else (thickness * 0.0909e6, thickness * 0.0347e6)
        xanes, xpnes = (
            np.where(good, values / divisor[:, None], 0.0).astype(np.float32)
            for values, divisor in zip((absorbed, lifted), divisors, strict=True)
        )
    angle = np.deg2rad(list(stacks))
    y, x = phantom.axes(good.shape, pixel)
    cube = NormalizedCube(
        entry="particle", title="Simulated particle", thickness_by=by, edge_energy_ev=EDGE_EV, sample="V2O5",
        pre_edge_ev=np.array(PRE_EV), post_edge_ev=np.array(POST_EV), measured_energy_ev=np.tile(energy, (n, 1)),
        stokes=np.tile([1.0, purity, 0.0, 0.0], (n, 1)), rotation=-angle, xanes=xanes, xpnes=xpnes,
        polarization_angle=angle % np.pi, energy_ev=energy, y=y, x=x, edge_step=step.astype(np.float32),
        phase_drop=drop.astype(np.float32), thickness=thickness.astype(np.float32) if by != "edge-jump" else None,
        mask=np.where(good, 0, 1 + 2 * (projection.thickness == 0)).astype(np.int32)[None].repeat(n, axis=0),
    )  # fmt: skip
    return cube.made_by(provenance.step("normalize", {}, [provenance.Input(checksum="0" * 64)]))
