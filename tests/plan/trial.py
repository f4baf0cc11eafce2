"""Monte Carlo of a design: noisy images of known crystals through the functions of normalize and grainmap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.grains import orientation, signal
from picpxct_nx.grains.windows import Windows
from picpxct_nx.plan.bounds import beam_of
from picpxct_nx.plan.design import Crystals, Design
from picpxct_nx.plan.signals import EDGE_EV, Reading
from picpxct_nx.records import NormalizedCube, SpectralCube
from picpxct_nx.simulate import phantom
from picpxct_nx.simulate.phantom import Grain, Phantom, Projection
from picpxct_nx.spectra.options import Options
from picpxct_nx.spectra.record import normalise_cube

Floats = NDArray[np.float64]
PIXEL = 48.82e-9


@dataclass(frozen=True)
class Field:
    """Square crystals of one thickness side by side, air around them, on pixels of PIXEL m."""

    projection: Projection
    inside: NDArray[np.bool_]

    def crystals(self) -> Crystals:
        """Those of the pixels inside, as the bounds take them."""
        maps = self.projection.thickness, self.projection.azimuth, self.projection.tilt
        return Crystals(*(np.asarray(each[self.inside]) for each in maps))


def field(directions: int = 12, side: int = 12, *, thickness: float = 1e-6, tilt: float = 0.0) -> Field:
    """Crystals of side x side pixels, their axes in so many directions over half a turn, four in a row."""
    faces, grains = np.concatenate([np.eye(3), -np.eye(3)]), []
    rows = -(-directions // 4)
    for index in range(directions):
        azimuth = (index + 0.5) * np.pi / directions
        x, y = ((index % 4) - 1.5) * side * PIXEL, ((index // 4) - (rows - 1) / 2) * side * PIXEL
        reach = np.array([side * PIXEL / 2] * 2 + [thickness / 2])
        axis = np.array([np.cos(tilt) * np.cos(azimuth), np.cos(tilt) * np.sin(azimuth), np.sin(tilt)])
        grains.append(Grain(faces, np.concatenate([reach, reach]) + faces @ np.array([x, y, 0.0]), axis))
    shape = ((rows + 2) * side, 6 * side)
    # Pixel centres lie off the walls: a quarter of a pixel beside them.
    moved = Phantom(
        tuple(Grain(g.normals, g.offsets + g.normals @ (PIXEL * np.array([0.25, 0.25, 0])), g.axis) for g in grains)
    )
    projection = phantom.project(moved, shape=shape, pixel_size=PIXEL)
    return Field(projection, projection.thickness > 0.99 * thickness)


def images(made: Field, design: Design, seed: int) -> NDArray[np.complex64]:
    """Transmissions (P, E, H, W) with the noise of the design's photons, white in real and imaginary part."""
    rng = np.random.default_rng(seed)
    found = np.empty((len(design.angle), len(design.energy_ev), *made.inside.shape), np.complex64)
    for p, angle in enumerate(design.angle):
        for e, energy in enumerate(design.energy_ev):
            sigma = design.excess / (2 * np.sqrt(design.fluence[e] * PIXEL**2))
            clean = phantom.transmission(made.projection, energy_ev=float(energy), polarisation=float(angle))
            white = rng.standard_normal((2, *clean.shape)) * sigma
            found[p, e] = clean + white[0] + 1j * white[1]
    return found


def spectra(made: Field, design: Design, seed: int) -> NormalizedCube:
    """Spectra that `picpxct normalize` makes of the images."""
    found = images(made, design, seed)
    y, x = phantom.axes(made.inside.shape, PIXEL)
    count, air = len(design.angle), made.projection.thickness == 0
    cube = SpectralCube(
        entry="crystals", title="known crystals", stage="registered", sample="V2O5", formula="O5 V2",
        measured_energy_ev=np.tile(design.energy_ev, (count, 1)), stokes=np.tile([1.0, 1.0, 0.0, 0.0], (count, 1)),
        rotation=-design.angle, transmission=found, polarization_angle=design.angle, energy_ev=design.energy_ev,
        y=y, x=x, valid=np.ones(found.shape[:2], bool), known=np.ones((count, *air.shape), bool),
        air=np.tile(air, (count, 1, 1)), phase=np.angle(found.mean(axis=1)).astype(np.float32),
    )  # fmt: skip
    return normalise_cube(cube, Options(e0_ev=EDGE_EV, least_sigma=0.0))


def chain_errors(made: Field, design: Design, read: Reading, seed: int, background: float | None = None) -> Floats:
    """Errors of the directions that `picpxct grainmap` finds in the pixels inside, rad; modulo the mirror if it is."""
    cube = spectra(made, design, seed)
    maps = signal.maps(cube, read.name, Windows(read.peak, read.base, None))
    beam = beam_of(design)
    inside = made.inside & maps.usable
    values, errors = maps.signal[:, inside], maps.errors[:, inside]
    if background is None:
        background = _background(values, made.projection.azimuth[inside], made.projection.tilt[inside], beam.angle)
    found = orientation.find(values, errors, beam, background=background)
    return _apart(found.angle, made.projection.azimuth[inside], mirror=orientation.is_ambiguous(beam), beam=beam)


def _background(values: Floats, azimuth: Floats, tilt: Floats, angle: Floats) -> float:
    """Signal of an axis across the polarisation, from crystals whose axes are known: a calibration without error."""
    weight = (np.cos(tilt) * np.cos(azimuth - angle[:, None])) ** 2
    return float(np.polyfit(weight.ravel(), values.ravel(), 1)[1])


def _apart(found: Floats, true: Floats, *, mirror: bool, beam: orientation.Light) -> Floats:
    def wrapped(angle: Floats) -> Floats:
        return np.asarray((angle + np.pi / 2) % np.pi - np.pi / 2)

    own = wrapped(found - true)
    if not mirror:
        return own
    # Two square polarisations see no difference between an axis and its mirror image in either of them.
    other = wrapped(found - (2 * beam.angle[0] - true))
    return np.where(np.abs(own) < np.abs(other), own, other)


def four_maps_errors(made: Field, design: Design, seed: int) -> Floats:
    """Errors of the best method: weighted least squares of -ln t for thickness and tensor with known spectra, rad."""
    from picpxct_nx.plan.design import images as expected
    from picpxct_nx.plan.design import noise

    found = images(made, design, seed)[:, :, made.inside]
    clean = expected(design, made.crystals())
    ramp = np.exp(-1j * clean.phase)  # the phase does not wrap about what is expected
    phase, loss = np.angle(found * ramp) + clean.phase, -np.log(np.abs(found))
    weight = noise(design, clean.loss, PIXEL**2) ** -2.0
    delta_0, beta_0, delta, beta = clean.per_length
    tensor = np.stack([np.cos(design.angle) ** 2, np.sin(2 * design.angle), np.sin(design.angle) ** 2])
    normal, right = np.zeros((made.inside.sum(), 4, 4)), np.zeros((made.inside.sum(), 4))
    for data, across, more in ((-phase, delta_0, delta), (loss, beta_0, beta)):
        rows = np.concatenate([np.broadcast_to(across, (1, len(design.angle), len(across))),
                               tensor[:, :, None] * more])  # fmt: skip
        normal += np.einsum("ipe,jpe,pen->nij", rows, rows, weight)
        right += np.einsum("ipe,pen,pen->ni", rows, weight, data)
    _, xx, xy, yy = np.linalg.solve(normal, right[..., None])[..., 0].T
    angle = np.arctan2(2 * xy, xx - yy) / 2
    return _apart(angle, made.projection.azimuth[made.inside], mirror=False, beam=beam_of(design))
