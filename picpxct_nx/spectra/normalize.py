"""Normalisation: XANES and XPNES of every pixel of a cube, thickness, mask and consistency, with their noise."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.records import SpectralCube
from picpxct_nx.spectra import windows
from picpxct_nx.spectra.density import AIR, Densities, densities
from picpxct_nx.spectra.edge_energy import edge_energy
from picpxct_nx.spectra.kramers_kronig import LEAST_ENERGIES, WIDEST_GAP_EV, consistency, dense_enough
from picpxct_nx.spectra.options import Options
from picpxct_nx.spectra.reduce import Reduction, reduce
from picpxct_nx.spectra.regression import edge_fit, line_fit, mean_of
from picpxct_nx.spectra.scale import Normalised, scaled
from picpxct_nx.spectra.windows import Windows
from picpxct_nx.values import Room, in_memory

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Note = Callable[[str], None]


def normalise(cube: SpectralCube, options: Options, note: Note = lambda _: None, room: Room = in_memory) -> Normalised:
    """Normalise the spectra of every pixel.

    Optical density y = -ln|t|^2 and phase phi follow from the transmission. The curve through the pre-edge window is
    taken out of y, the line through both windows out of phi. The edge step s, the phase drop d (mean over +-2 eV about
    the extremum of phi less its line) and the off-edge phase o (mean phi over the post-edge window) are linear in the
    spectra; the thickness u is one of s, d, -o. XANES is (y - curve) / (u <s>/<u>), XPNES (phi - line) / (u <d>/<u>),
    with ratios of means over all sample pixels and polarisations, weighted by their mean phase.

    Parameters
    ----------
    cube : SpectralCube
        Transmission (P, E, H, W); read image by image.
    options : Options
    note : callable, optional
        Told what was chosen.
    room : Room
        Makes what the spectra lie in.

    Returns
    -------
    Normalised

    Raises
    ------
    InputError
        No air, no energies in a window, an edge energy outside the energies, all pixels too thin, and the like.
    """
    nominal = np.asarray(cube.energy_ev, np.float64)
    if len(nominal) < 2:
        raise InputError(f"{cube.entry}: there is one energy; spectra take energies before and after the edge")
    chosen = None if options.e0_ev is None else _windows(nominal, options.e0_ev, options)
    found = densities(cube, room)
    for text in _of_zero(cube, found):
        note(text)
    if not found.sample.any():
        raise InputError(f"{cube.entry}: no known pixel is anything but air; is the air mask right?")
    if np.mean(found.depth[found.sample]) <= 0:
        raise InputError(f"{cube.entry}: the phase of the sample is above zero, and matter's is below: is air air?")
    density, phase = _means(found)
    if chosen is None:
        there = np.isfinite(_pooled(density))
        e0 = edge_energy(nominal[there], _pooled(density)[there])
        note(f"{cube.entry}: e0 = {e0:.2f} eV, the last inflection of the mean absorption")
        chosen = _windows(nominal, e0, options)
    linear, chosen = _reductions(cube, phase, chosen, options)
    if all(one.consistency is None for one in linear):
        note(
            f"{cube.entry}: no Kramers-Kronig check; it takes {LEAST_ENERGIES} energies, {WIDEST_GAP_EV:g} eV apart or "
            "less"
        )
    maps = [reduce(found, p, one) for p, one in enumerate(linear)]
    return scaled(cube, found, linear, maps, chosen, options)


def _of_zero(cube: SpectralCube, found: Densities) -> list[str]:
    """Where the zero of density and phase was taken from, in sentences."""
    pixels, texts = np.sum(found.flaws & AIR != 0, axis=(1, 2)), []
    if "air" in found.zero:
        air = int(min(count for count, zero in zip(pixels, found.zero, strict=True) if zero == "air"))
        texts.append(
            f"{cube.entry}: air ({air} pixels) was within {found.offset:.2g} of 1 and is now 1 in every projection"
        )
    texts += [
        f"{cube.entry}: the projections of polarisation {np.rad2deg(cube.polarization_angle[p]):.4g} deg have "
        f"{pixels[p]} pixels of air in common; each keeps the zero that flatten found"
        for p, zero in enumerate(found.zero)
        if zero == "flattened"
    ]
    return texts


def _means(found: Densities) -> tuple[Floats, Floats]:
    """Mean spectra (P, E) of density and phase per unit of the pixel's mean phase, NaN where not measured."""
    weight = found.weight
    norm = np.maximum(np.sum(weight**2, axis=(1, 2)), np.finfo(np.float64).tiny)[:, None]
    means = [np.zeros(found.density.shape[:2]) for _ in range(2)]
    for mean, spectra in zip(means, (found.density, found.phase), strict=True):
        for p, e in np.ndindex(*mean.shape):
            mean[p, e] = np.sum(weight[p] * spectra[p, e])
    return means[0] / norm, means[1] / norm


def _pooled(spectra: Floats) -> Floats:
    """Mean over the polarisations that were measured, (E,); NaN where none was."""
    there = np.isfinite(spectra)
    count = there.sum(axis=0)
    return np.where(count > 0, np.where(there, spectra, 0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _windows(nominal: Floats, e0: float, options: Options) -> Windows:
    if not nominal[0] < e0 < nominal[-1]:
        raise InputError(f"e0 = {e0:.6g} eV lies outside the energies, {nominal[0]:.6g} to {nominal[-1]:.6g} eV")
    pre = windows.closed(options.pre, nominal, e0, "pre-edge")
    return Windows(e0, pre, windows.closed(options.post, nominal, e0, "post-edge"))


def _reductions(
    cube: SpectralCube, mean_phase: Floats, chosen: Windows, options: Options
) -> tuple[list[Reduction], Windows]:
    """Linear maps for each polarisation, and the windows with that of the phase drop."""
    nominal = np.asarray(cube.energy_ev, np.float64)
    selected = {
        "pre-edge": windows.inside(nominal, chosen.e0_ev, chosen.pre),
        "post-edge": windows.inside(nominal, chosen.e0_ev, chosen.post),
    }
    above = np.full(mean_phase.shape, np.nan)
    for p, valid in enumerate(np.asarray(cube.valid, bool)):
        _require(cube, p, valid, selected)
        energy = np.asarray(cube.measured_energy_ev[p], np.float64)[valid]
        line = line_fit(energy, (selected["pre-edge"] | selected["post-edge"])[valid])
        above[p, valid] = mean_phase[p, valid] - line.of(mean_phase[p, valid])
    drop = windows.drop_window(nominal, _pooled(above), chosen.e0_ev)
    selected["phase drop"] = windows.inside(nominal, chosen.e0_ev, drop)
    linear = []
    for p, valid in enumerate(np.asarray(cube.valid, bool)):
        _require(cube, p, valid, selected)
        energy = np.asarray(cube.measured_energy_ev[p], np.float64)[valid]
        linear.append(_reduction(valid, energy, selected, chosen.e0_ev, options))
    return linear, Windows(chosen.e0_ev, chosen.pre, chosen.post, drop)


def _require(cube: SpectralCube, p: int, valid: Mask, selected: dict[str, Mask]) -> None:
    """Refuse a polarisation whose energies do not rise, or leave a window empty."""
    measured = np.asarray(cube.measured_energy_ev[p], np.float64)[valid]
    if not (np.diff(measured) > 0).all():
        raise InputError(
            f"{cube.entry}: its measured energies do not rise with the nominal ones; check incident_energy"
        )
    for name, energies in selected.items():
        if not (energies & valid).any():
            raise InputError(
                f"{cube.entry}: polarisation {np.rad2deg(float(cube.polarization_angle[p])):.4g} deg has no projection "
                f"in the {name} window; measure one, or choose another window"
            )


def _reduction(valid: Mask, energy_ev: Floats, selected: dict[str, Mask], e0_ev: float, options: Options) -> Reduction:
    in_pre, in_post, in_drop = (energies[valid] for energies in selected.values())
    line = line_fit(energy_ev, in_pre | in_post)
    return Reduction(
        valid=valid,
        energy_ev=energy_ev,
        edge=edge_fit(energy_ev, e0_ev, in_pre, in_post, options.orders),
        line=line,
        drop=mean_of(in_drop) @ (np.eye(len(energy_ev)) - line.matrix()),
        off=mean_of(in_post),
        consistency=consistency(energy_ev, in_post) if dense_enough(energy_ev) else None,
    )
