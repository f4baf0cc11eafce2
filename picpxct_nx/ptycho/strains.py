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
    around, spread, axes = _frame(data, state)
    still = State(torch.zeros_like(state.object), torch.zeros_like(state.probe))
    found = []
    for entries in MAPS:
        by = torch.tensor(entries, dtype=around.dtype, device=around.device).reshape(2, 2) / spread
        found.append(replace(still, object=_given_way(slopes, axes, by), positions=around @ by.mT))
    for strain in torch.tensor(STRAINS, dtype=around.dtype, device=around.device) * spread:
        found.append(replace(still, probe=_curved(state.probe, strain)))
    for strain in torch.tensor(STRAINS, dtype=around.dtype, device=around.device) * spread:
        found.append(replace(still, object=_curved(state.object, strain)))
    return tuple(found)


def step(data: Data, state: State, gradient: State, inverse: Tensor, slopes: tuple[Tensor, Tensor]) -> State:
    """What the known directions add to a preconditioned gradient, sum_kl d_k H_kl <d_l, g>, without making any of them.

    Parameters
    ----------
    data, state, slopes
        As for `directions`, d.
    gradient : State
        g, with positions.
    inverse : (10, 10) float64
        H, `learn`.

    Returns
    -------
    State
        In object, probe and positions.
    """
    assert gradient.positions is not None  # noqa: S101  # frames move
    around, spread, axes = _frame(data, state)
    maps = torch.tensor(MAPS, dtype=torch.float64, device=around.device)
    strains = torch.tensor(STRAINS, dtype=torch.float64, device=around.device)
    moved = gradient.positions.double().mT @ around.double()
    for axis, slope in enumerate(slopes):
        share = (slope.conj() * gradient.object).real
        moved[axis, 0] -= share.sum(1, dtype=torch.float64) @ axes[0].double()
        moved[axis, 1] -= share.sum(0, dtype=torch.float64) @ axes[1].double()
    bent = [strains @ _curvature_of(a, b) for a, b in ((state.probe, gradient.probe), (state.object, gradient.object))]
    parts = inverse @ torch.cat([maps @ moved.reshape(4) / spread, *(part * spread for part in bent)])
    by = ((parts[:4] @ maps) / spread).reshape(2, 2).to(around.dtype)
    probe, image = ((part @ strains * spread).to(around.dtype) for part in (parts[4:7], parts[7:]))
    return State(
        _given_way(slopes, axes, by).add_(_curved(state.object, image)),
        _curved(state.probe, probe),
        positions=around @ by.mT,
    )


def _frame(data: Data, state: State) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Positions about their mean, their distance from it (rms), and rows and columns of the object about it."""
    assert state.positions is not None  # noqa: S101  # frames move
    place = state.positions.to(data.weight)
    around = place - place.mean(0)
    middle = place.mean(0) + torch.tensor(data.weight.shape, device=place.device) / 2
    rows, columns = (
        torch.arange(size, device=place.device) - middle[axis] for axis, size in enumerate(state.object.shape)
    )
    return around, around.square().sum(1).mean().sqrt().clamp(min=1.0), (rows, columns)


def _given_way(slopes: tuple[Tensor, Tensor], axes: tuple[Tensor, Tensor], by: Tensor) -> Tensor:
    """Change -A (r - r0) dO/dr of the object, which stays under frames that move by A, (2, 2)."""
    rows, columns = axes[0][:, None], axes[1]
    return -(slopes[0] * (by[0, 0] * rows + by[0, 1] * columns) + slopes[1] * (by[1, 0] * rows + by[1, 1] * columns))


def _curved(field: Tensor, by: Tensor) -> Tensor:
    """Change of a field whose spectrum gets the phase 2 pi (a k_r^2 + 2 b k_r k_c + d k_c^2) of a strain (a, b, d)."""
    rows, columns = frequency(field, 0), frequency(field, 1)
    phase = by[0] * rows**2 + 2 * by[1] * rows * columns + by[2] * columns**2
    changed: Tensor = torch.fft.ifft2(torch.fft.fft2(field) * (2j * torch.pi * phase))
    return changed


def _curvature_of(field: Tensor, gradient: Tensor) -> Tensor:
    """Products of a gradient with the changes `_curved` by (1, 0, 0), (0, 1, 0) and (0, 0, 1), (3,) float64."""
    share = (torch.fft.fft2(gradient).conj() * torch.fft.fft2(field)).imag.reshape(-1, *field.shape[-2:]).sum(0)
    rows, columns = frequency(field, 0)[:, 0].double(), frequency(field, 1).double()
    along, across = share.sum(1, dtype=torch.float64), share.sum(0, dtype=torch.float64)
    both = rows @ (share.double() @ columns)
    found: Tensor = torch.stack([along @ rows**2, 2 * both, across @ columns**2]) * (-2 * torch.pi / share.numel())
    return found


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
    still = torch.zeros_like(state.probe)[None]
    beams = {
        number: beam_of(data, replace(by[number], scale=state.scale, positions=None))
        for number in range(len(MAPS), len(MAPS) + len(STRAINS))
    }
    beam, k = beam_of(data, state), data.passes
    for block in data.pieces():
        probes = probes_of(beam, block)
        wave = k.transform(k.exit_waves(state.object, probes, block))
        total_shown = shown(state, wave)
        reciprocal = fit.inverse_modulus(total_shown, data.least) * data.weight
        along = []
        for number, direction in enumerate(by):
            images = (state.object, direction.object)
            places = None if direction.positions is None else (slopes, direction.positions[block.frames])
            # Only three of them change the probe, which costs a transform of its own.
            turned = probes_of(beams[number], block) if number in beams else still
            change = k.turned_waves(images, (probes, turned), block, moves=places)
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
