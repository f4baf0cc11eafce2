"""The softest directions of a scan whose frames move: magnification and shear, which beam and object nearly hide.

A diagonal preconditioner does not know them, and conjugate gradients need a hundred iterations to get along; positions
then stay strained by some per cent while each frame seems to fit. With the inverse of their small matrix of second
derivatives in the preconditioner they are gone within twenty.
"""

from dataclasses import replace

import torch
from torch import Tensor

from . import fit, ops
from .beam import beam_of, probes_of, shown
from .state import Data, State

# Magnification, stretch and shear as (a, b, d) of [[a, b], [b, d]].
STRAINS = ((1.0, 0.0, 1.0), (1.0, 0.0, -1.0), (0.0, 1.0, 0.0))
# The same as matrices by rows, and the rotation: not soft, but with it here it is found in ten iterations, not thirty.
MAPS = (*((a, b, b, d) for a, b, d in STRAINS), (0.0, -1.0, 1.0, 0.0))
# Added to the unit diagonal of their matrix: where the beam is flat some of them are the same.
RIDGE = 1e-4


def directions(data: Data, state: State, slopes: tuple[Tensor, Tensor]) -> tuple[State, ...]:
    """Linear maps of all positions with the object, and the curvatures of probe and object, which nearly undo strains.

    Frames at x that move by A (x - x0), A symmetric, see nearly the same in an object that gives way by -A (r - r0)
    dO/dr, if the spectra of probe and object get phases q^T W q and k^T V k: a defocused beam shows the object
    magnified, and the magnification is that of its positions. With c (q - k)^2 the phase of the probe's spectrum, the
    waves of two object frequencies k, k' beat at q with the phase c (k^2 - k'^2) - 2 c q (k - k') + 2 pi (k - k') x:
    where x grows by 1 + s and k falls, c grows by 1 + s as well, and the object makes up for what k^2 lacks. Only the
    rim of the pupil and the beam's higher aberrations tell the two apart: of what a magnification changes in the frames
    of the reference scan the probe leaves 53 % and both leave 12 %. Of a rotation they leave 98 %.

    Parameters
    ----------
    data : Data
        The scan.
    state : State
        Object, probe and positions.
    slopes : two of (H, W) complex64
        `moves.derivatives` of the object.

    Returns
    -------
    ten of State
        Directions: three strains and the rotation, whose moves have a root mean square of about 1 px, three changes of
        the probe and three of the object.

    References
    ----------
    Nicolaides, SIAM J. Numer. Anal. 24, 355 (1987): conjugate gradients with a few known directions treated apart.
    """
    assert state.positions is not None  # noqa: S101  # frames move
    place = state.positions.to(data.weight)
    around = place - place.mean(0)
    middle = place.mean(0) + torch.tensor(data.weight.shape, device=place.device) / 2
    rows, columns = (
        torch.arange(size, device=place.device) - middle[axis] for axis, size in enumerate(state.object.shape)
    )
    spread = around.square().sum(1).mean().sqrt().clamp(min=1.0)
    still = State(torch.zeros_like(state.object), torch.zeros_like(state.probe))
    found = []
    for a, b, c, d in MAPS:
        field = slopes[0] * (a * rows[:, None] + b * columns) + slopes[1] * (c * rows[:, None] + d * columns)
        by = around @ torch.tensor([[a, c], [b, d]], dtype=around.dtype, device=around.device)
        found.append(replace(still, object=-field / spread, positions=by / spread))
    found += [replace(still, probe=curved) for curved in _curved(state.probe, spread)]
    return (*found, *(replace(still, object=curved) for curved in _curved(state.object, spread)))


def _curved(field: Tensor, spread: Tensor) -> list[Tensor]:
    """Changes of a field whose spectrum gets the phase of each of the strains."""
    spectrum, rows, columns = torch.fft.fft2(field), frequency(field, 0), frequency(field, 1)
    phases = (a * rows**2 + 2 * b * rows * columns + d * columns**2 for a, b, d in STRAINS)
    return [torch.fft.ifft2(spectrum * (2j * torch.pi * spread * phase)) for phase in phases]


def learn(data: Data, state: State, likelihood: fit.Likelihood, slopes: tuple[Tensor, Tensor]) -> Tensor:
    """Inverse of half the misfit's second derivatives by pairs of `directions`, as of a model that fits.

    Parameters
    ----------
    data : Data
        The scan.
    state : State
        Object, probe and positions.
    likelihood : Likelihood
        Whose misfit.
    slopes : two of (H, W) complex64
        `moves.derivatives` of the object.

    Returns
    -------
    (10, 10) float64
    """
    by = directions(data, state, slopes)
    total = torch.zeros(len(by), len(by), dtype=torch.float64, device=data.weight.device)
    beams = [beam_of(data, replace(direction, scale=state.scale, positions=None)) for direction in by]
    beam, k = beam_of(data, state), data.passes
    for block in data.pieces():
        probes = probes_of(beam, block)
        wave = k.transform(k.exit_waves(state.object, probes, block))
        total_shown = shown(state, wave)
        reciprocal = fit.inverse_modulus(total_shown, data.least) * data.weight
        along = []
        for direction, turned in zip(by, beams, strict=True):
            images = (state.object, direction.object)
            places = None if direction.positions is None else (slopes, direction.positions[block.frames])
            change = k.turned_waves(images, (probes, probes_of(turned, block)), block, moves=places)
            along.append((ops.real_product(wave, k.transform(change)) * reciprocal).flatten())
        flat = torch.stack(along)
        total += flat @ flat.mT
    return inverse(total * torch.where(likelihood.poisson, 2.0, 1.0) / data.weight.numel())


def inverse(changes: Tensor) -> Tensor:
    """Inverse of the matrix of a few directions' products, its diagonal raised a little.

    Parameters
    ----------
    changes : (k, k) float64
        Half the misfit's second derivatives by pairs of directions.

    Returns
    -------
    (k, k) float64; zero where a direction changes nothing.
    """
    live = changes.diagonal() > 0
    size = torch.where(live, changes.diagonal(), 1.0).sqrt()
    unit = changes / size / size[:, None] + torch.diag(torch.where(live, RIDGE, 1.0).to(changes.dtype))
    found: Tensor = torch.linalg.inv(unit) * (live & live[:, None]) / size / size[:, None]
    return found


def frequency(field: Tensor, axis: int) -> Tensor:
    """Frequencies of a field's last two axes, 1/px, as a row or a column; zero where the sign is not defined."""
    size = field.shape[axis - 2]
    k: Tensor = torch.fft.fftfreq(size, device=field.device)
    if size % 2 == 0:
        k[size // 2].zero_()
    return k.reshape(-1, 1) if axis == 0 else k
