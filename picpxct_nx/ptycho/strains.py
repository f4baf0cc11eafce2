"""The softest directions of a scan whose frames move: magnification and shear, which a beam's curvature nearly hides.

A diagonal preconditioner does not know them, and conjugate gradients need a hundred iterations to get along; positions
then stay strained by some per cent while each frame seems to fit. With the inverse of their small matrix of second
derivatives in the preconditioner they are gone within twenty.
"""

from dataclasses import replace

import torch
from torch import Tensor

from . import fit, moves, ops
from .beam import beam_of, probes_of, shown
from .state import Data, State

# Magnification, stretch and shear as (a, b, d) of [[a, b], [b, d]].
STRAINS = ((1.0, 0.0, 1.0), (1.0, 0.0, -1.0), (0.0, 1.0, 0.0))
# Added to the unit diagonal of their matrix: where the beam is flat some of them are the same.
RIDGE = 1e-4


def directions(data: Data, state: State) -> tuple[State, ...]:
    """Strains of all positions with the object, and the probe's defocus and astigmatism, which nearly make up for them.

    Frames at x that move by A (x - x0), A symmetric, see nearly the same in an object that gives way by -A (r - r0)
    dO/dr, as under a probe whose spectrum has the phase q^T W q more: a defocused beam shows the object magnified, and
    the magnification is that of its positions. Only what the curvature of the beam leaves out tells the two apart.

    Parameters
    ----------
    data : Data
        The scan.
    state : State
        Object, probe and positions.

    Returns
    -------
    six of State
        Directions: three strains whose moves have a root mean square of about 1 px, and three changes of the probe.

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
    down, right = moves.derivatives(state.object)
    spread = around.square().sum(1).mean().sqrt().clamp(min=1.0)
    spectrum = torch.fft.fft2(state.probe)
    k_rows, k_columns = frequency(state.probe, 0), frequency(state.probe, 1)
    still = torch.zeros_like(state.object)
    found = []
    for a, b, d in STRAINS:
        field = down * (a * rows[:, None] + b * columns) + right * (b * rows[:, None] + d * columns)
        by = around @ torch.tensor([[a, b], [b, d]], dtype=around.dtype, device=around.device)
        found.append(State(-field / spread, torch.zeros_like(state.probe), positions=by / spread))
        phase = 2j * torch.pi * spread * (a * k_rows**2 + 2 * b * k_rows * k_columns + d * k_columns**2)
        found.append(State(still, torch.fft.ifft2(spectrum * phase), positions=torch.zeros_like(by)))
    return tuple(found)


def learn(data: Data, state: State, likelihood: fit.Likelihood) -> Tensor:
    """Inverse of half the misfit's second derivatives by pairs of `directions`, as of a model that fits.

    Parameters
    ----------
    data : Data
        The scan.
    state : State
        Object, probe and positions.
    likelihood : Likelihood
        Whose misfit.

    Returns
    -------
    (6, 6) float64
    """
    by = directions(data, state)
    total = torch.zeros(len(by), len(by), dtype=torch.float64, device=data.weight.device)
    beams = [beam_of(data, replace(direction, scale=state.scale, positions=None)) for direction in by]
    beam, k, slopes = beam_of(data, state), data.passes, moves.derivatives(state.object)
    for block in data.pieces():
        probes = probes_of(beam, block)
        wave = k.transform(k.exit_waves(state.object, probes, block))
        total_shown = shown(state, wave)
        reciprocal = fit.inverse_modulus(total_shown, data.least) * data.weight
        along = []
        for direction, turned in zip(by, beams, strict=True):
            images = (state.object, direction.object)
            change = k.turned_waves(images, (probes, probes_of(turned, block)), block)
            if direction.positions is not None:
                moves.add(data, change, slopes, probes, block, direction.positions)
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
