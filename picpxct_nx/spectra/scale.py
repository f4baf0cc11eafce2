"""Scaling: thickness, mask, and the spectra divided by what the thickness calls for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.errors import InputError
from picpxct_nx.records import SpectralCube
from picpxct_nx.spectra import windows
from picpxct_nx.spectra.density import THIN, Densities
from picpxct_nx.spectra.options import Options
from picpxct_nx.spectra.reduce import Maps, Reduction
from picpxct_nx.spectra.thickness import Quantity, mean, proportional, tabulated_phase
from picpxct_nx.spectra.windows import Windows
from picpxct_nx.values import Pieces

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Factors:
    """How noise goes into normalised spectra, per polarisation and energy, each (P, E), NaN where not measured.

    A normalised value z = (y - curve) / D has the variance (sigma^2 (variance - 2 z covariance) + z^2 sigma_D^2) / D^2
    for noise sigma of the pixel and a divisor D with standard deviation sigma_D.
    """

    variance: Floats
    covariance: Floats


@dataclass(frozen=True)
class Normalised:
    """Normalised spectra (P, E, H, W) float32, NaN where masked or not measured; maps (P, H, W)."""

    windows: Windows
    xanes: Pieces
    xpnes: Pieces
    xanes_factors: Factors
    xpnes_factors: Factors
    xanes_scale: Quantity
    xpnes_scale: Quantity
    step: Quantity
    drop: Quantity
    off: Quantity
    relative: Quantity | None
    metres: float | None
    density_noise: Floats
    phase_noise: Floats
    mask: NDArray[np.int32]
    chi: Floats | None
    residual: Floats | None  # (P,)
    air_offset: float
    zero: tuple[str, ...]


@dataclass(frozen=True)
class _Divisors:
    """Thickness `u` in units of its own (None without), and what XANES and XPNES are divided by."""

    u: Quantity | None
    xanes: Quantity
    xpnes: Quantity
    per_drop: float


def scaled(
    cube: SpectralCube,
    found: Densities,
    linear: list[Reduction],
    maps: list[Maps],
    chosen: Windows,
    options: Options,
) -> Normalised:
    """Take thickness and mask from the maps of all polarisations, and divide the spectra in place.

    Raises
    ------
    InputError
        The absorption does not rise at the edge, all pixels are too thin, or metres cannot be told.
    """
    step, drop, off = _quantities(maps, linear)
    weight = found.weight
    _require_edge(cube, step, drop, weight, chosen)
    divisors = _divisors(step, drop, off, weight, options)
    metres = _metres(cube, divisors, off, weight, chosen, options)
    mask = found.flaws | np.where(found.sample & _thin(divisors, step, metres, options), THIN, 0)
    good = mask == 0
    if not good.any():
        raise InputError(
            f"{cube.entry}: all {int(found.sample.sum())} pixels that are not air are too thin for "
            f"{_asked(options)} (a step has noise {np.nanmedian(step.sigma):.2g}); lower --min-thickness"
        )
    residual = _residuals(found, good, linear)
    _divide(found, good, divisors)
    typical = np.nan if divisors.u is None else mean(divisors.u.value, weight)
    return Normalised(
        windows=chosen,
        xanes=found.density,
        xpnes=found.phase,
        xanes_factors=_factors(linear, "density", divisors, options),
        xpnes_factors=_factors(linear, "phase", divisors, options),
        xanes_scale=divisors.xanes,
        xpnes_scale=divisors.xpnes,
        step=step,
        drop=drop,
        off=off,
        relative=None if divisors.u is None else Quantity(divisors.u.value / typical, divisors.u.sigma / typical),
        metres=None if metres is None else metres * typical,
        density_noise=_stack(maps, "density_noise"),
        phase_noise=_stack(maps, "phase_noise"),
        mask=mask.astype(np.int32),
        chi=_chi(maps, linear),
        residual=residual,
        air_offset=found.offset,
        zero=found.zero,
    )


def _quantities(maps: list[Maps], linear: list[Reduction]) -> tuple[Quantity, Quantity, Quantity]:
    """Edge step, phase drop and off-edge phase, with the standard deviations that white noise gives them."""
    density_noise, phase_noise = _stack(maps, "density_noise"), _stack(maps, "phase_noise")
    return (
        Quantity(_stack(maps, "step"), _spread(density_noise, [one.edge.step for one in linear])),
        Quantity(_stack(maps, "drop"), _spread(phase_noise, [one.drop for one in linear])),
        Quantity(_stack(maps, "off"), _spread(phase_noise, [one.off for one in linear])),
    )


def _stack(maps: list[Maps], name: str) -> Floats:
    return np.stack([np.asarray(getattr(one, name)) for one in maps])


def _spread(noise: Floats, weights: list[Floats]) -> Floats:
    """Standard deviation (P, H, W) of weighted sums of spectra with white noise (P, H, W)."""
    return np.asarray(noise * np.array([np.sqrt(np.sum(w**2)) for w in weights])[:, None, None])


def _require_edge(cube: SpectralCube, step: Quantity, drop: Quantity, weight: Floats, chosen: Windows) -> None:
    """Refuse spectra that have no edge where it is said to be."""
    found = mean(step.value, weight), mean(drop.value, weight)
    for name, level, wanted in (
        ("absorption does not rise from the pre-edge to the post-edge window", found[0], "edge step"),
        ("phase is not nearer to zero at the edge than beside it", found[1], "phase drop"),
    ):
        if not level > 0:
            raise InputError(
                f"{cube.entry}: the {name} (mean {wanted} {level:.2g}); is e0 = {chosen.e0_ev:.6g} eV the edge, and "
                "are the windows beside it?"
            )


def _divisors(step: Quantity, drop: Quantity, off: Quantity, weight: Floats, options: Options) -> _Divisors:
    """U times <step>/<u> and u times <drop>/<u>: the step and the drop that the thickness of a pixel calls for."""
    if options.by == "none":
        one = Quantity(np.where(np.isfinite(step.value), 1.0, np.nan), np.where(np.isfinite(step.value), 0.0, np.nan))
        return _Divisors(None, one, one, 1.0)
    u = {"edge-jump": step, "phase-drop": drop, "off-edge-phase": Quantity(-off.value, off.sigma)}[options.by]
    per_drop = mean(drop.value, weight) / mean(u.value, weight)
    return _Divisors(u, proportional(step, u, weight), proportional(drop, u, weight), per_drop)


def _metres(
    cube: SpectralCube, divisors: _Divisors, off: Quantity, weight: Floats, chosen: Windows, options: Options
) -> float | None:
    """Metres per unit of the thickness, or None where nobody said what the material is."""
    if divisors.u is None or options.scale is not None:
        return options.scale
    if options.density is None:
        return None
    if cube.formula is None:
        raise InputError(f"{cube.entry}: has no sample/chemical_formula, which --density needs; give --thickness-scale")
    energy = np.asarray(cube.energy_ev, np.float64)
    there = energy[windows.inside(energy, chosen.e0_ev, chosen.post)]
    per_metre = tabulated_phase(cube.formula, options.density, there)
    return -mean(off.value, weight) / mean(divisors.u.value, weight) / per_metre


def _thin(divisors: _Divisors, step: Quantity, metres: float | None, options: Options) -> Mask:
    """Pixels whose thickness, or the step that it calls for, is below what was asked for."""
    if options.least_thickness is not None and divisors.u is not None and metres is not None:
        return np.asarray(~(divisors.u.value * metres >= options.least_thickness))
    # The step that the thickness calls for has less noise than the measured step, and so has the mask.
    expected = step.value if divisors.u is None else divisors.xanes.value
    return np.asarray(~(expected >= options.least_sigma * step.sigma) | ~(expected > 0))


def _asked(options: Options) -> str:
    if options.least_thickness is not None:
        return f"{options.least_thickness * 1e6:.3g} um"
    return f"a step of {options.least_sigma:g} standard deviations"


def _divide(found: Densities, good: Mask, divisors: _Divisors) -> None:
    for spectra, scale in ((found.density, divisors.xanes.value), (found.phase, divisors.xpnes.value)):
        inverse = np.full(scale.shape, np.nan)
        inverse[good] = 1 / scale[good]
        for p, e in np.ndindex(spectra.shape[:2]):
            spectra[p, e] *= inverse[p]


def _factors(linear: list[Reduction], kind: str, divisors: _Divisors, options: Options) -> Factors:
    shape = (len(linear), len(linear[0].valid))
    factors = Factors(np.full(shape, np.nan), np.full(shape, np.nan))
    for p, one in enumerate(linear):
        curve = one.edge.pre if kind == "density" else one.line
        kept = np.eye(len(one.energy_ev)) - curve.matrix()
        # The divisor shares the noise of the spectrum that it is taken from.
        shared = {
            ("density", "edge-jump"): one.edge.step,
            ("phase", "phase-drop"): divisors.per_drop * one.drop,
            ("phase", "off-edge-phase"): -divisors.per_drop * one.off,
        }.get((kind, options.by), np.zeros(len(kept)))
        factors.variance[p, one.valid] = np.sum(kept**2, axis=1)
        factors.covariance[p, one.valid] = kept @ shared
    return factors


def _chi(maps: list[Maps], linear: list[Reduction]) -> Floats | None:
    """Kramers-Kronig residual over what noise alone leaves, (P, H, W): about 1 where the two spectra agree."""
    if all(one.consistency is None for one in linear):
        return None
    chi = np.full((len(maps), *maps[0].misfit.shape), np.nan)
    for p, (one, linear_one) in enumerate(zip(maps, linear, strict=True)):
        if linear_one.consistency is not None:
            expected = linear_one.consistency.expected(one.phase_noise, one.density_noise)
            chi[p] = np.sqrt(one.misfit / np.where(expected > 0, expected, np.nan))
    return chi


def _residuals(found: Densities, good: Mask, linear: list[Reduction]) -> Floats | None:
    """Residual of the mean spectrum of the good pixels of each polarisation, relative to its phase less a line."""
    if all(one.consistency is None for one in linear):
        return None
    residuals = np.full(len(linear), np.nan)
    for p, one in enumerate(linear):
        if one.consistency is None or not good[p].any():
            continue
        y, phi = (
            np.array([np.mean(spectra[p, int(e)][good[p]], dtype=np.float64) for e in np.flatnonzero(one.valid)])
            for spectra in (found.density, found.phase)
        )
        curved = one.consistency.phase @ phi
        rest = curved + one.consistency.absorption @ y
        residuals[p] = np.sqrt(np.mean(rest**2) / np.mean(curved**2))
    return residuals
