"""Fourier ring correlation of two images of one object, and the resolution read from it."""

from dataclasses import dataclass

import numpy as np

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.images.fourier import Image, Pair, Real, cosine_taper
from picpxct_nx.images.frc_pair import (
    PreparedPair,
    Variant,
    check_size,
    compared_images,
    count_wraps,
    default_taper,
    fitting_taper,
    prepare_pair,
    same_pixel,
    tapered_spectrum,
)
from picpxct_nx.images.frc_rings import Indices, Rings, correlate_rings, make_rings
from picpxct_nx.images.frc_threshold import (
    correlation_sigma,
    first_crossing,
    length_text,
    moving_mean,
    parse_threshold,
    threshold_curve,
)

_LAST_RINGS = 20
_PLATEAU_SIGMAS = 3.0
_TAPER_TOLERANCE = 0.02


@dataclass(frozen=True)
class FrcOptions:
    """What a ring correlation may be asked to do."""

    image: Variant | None = None  # None: the phase of a complex pair, a real pair as it is
    threshold: str = "one-bit"
    taper_px: int | None = None  # None: max(20 px, 8 % of the smaller side); 0 for periodic images
    ring_thickness: int = 1  # in frequency steps; thicker rings lower the threshold and flatter the result
    skip_rings: int = 5  # the first rings hold a few samples each
    smooth_rings: int = 5
    align: bool = True
    ramp: bool = True
    upsample: int = 100  # registration to 1 / upsample px


DEFAULTS = FrcOptions()


@dataclass(frozen=True)
class RingCorrelation:
    """The ring correlation of two images and what follows from it; arrays run over the rings 0 to Nyquist."""

    ring: Indices
    spatial_frequency: Real  # 1/m, of the full period
    correlation: Real  # ring 0 is 0: the mean was subtracted; so is a ring without power
    threshold: Real
    samples: Indices  # all Fourier samples, both Friedel halves
    half_period: float | None  # m, at the first downward crossing
    full_period: float | None  # m
    smoothed_half_period: float | None  # m, crossing of the moving mean
    smoothed_half_period_sigma: float | None  # m, from the noise of the moving mean
    unresolved: str  # why half_period is None; empty where it is not
    nyquist: float  # 1/m, 1 / (2 pixel)
    pixel: float  # m
    threshold_name: str
    image: Variant
    taper_px: int
    ring_thickness: int
    skip_rings: int
    smooth_rings: int
    shift_px: Pair  # (y, x), applied to b to match a
    shape: tuple[int, int]  # px, of the field that was compared
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Curve:
    """Correlation per ring, its threshold and both crossings, in rings."""

    correlation: Real
    samples: Indices
    threshold: Real
    crossing: float | None
    unresolved: str
    smoothed: float | None
    smoothed_bounds: tuple[float, float] | None  # one standard deviation of noise down, up


def frc(a: Image, b: Image, *, pixel: float | tuple[float, float], options: FrcOptions = DEFAULTS) -> RingCorrelation:
    """Compare two images of one object ring by ring in Fourier space and read off the resolution.

    The pair is prepared (`prepare_pair`), made into one image variant (`as_variant`), freed of its weighted mean,
    tapered and correlated (`correlate_rings`). The resolution is the first downward crossing of the threshold;
    full period 1/f, half period 1/(2f). Without a crossing it is None, with the reason, never Nyquist.

    Parameters
    ----------
    a, b : (n_y, n_x) of one shape, both real or both complex
    pixel : m, of both images, or (pixel of a, pixel of b), which must agree
    options : FrcOptions

    Returns
    -------
    RingCorrelation

    Raises
    ------
    InputError
        Shapes or pixel sizes differ, a value is not finite, an image is constant or under 32 px, the taper is
        larger than half the image.
    UsageError
        The threshold, the variant or a number of rings makes no sense.

    References
    ----------
    van Heel & Schatz, J. Struct. Biol. 151, 250 (2005).
    """
    size, variant = _checked(a, b, pixel, options)
    kind = np.complex128 if np.iscomplexobj(a) else np.float64
    pair = prepare_pair(
        a.astype(kind),
        b.astype(kind),
        taper_px=options.taper_px,
        align=options.align,
        ramp=options.ramp,
        upsample=options.upsample,
    )
    shape = (pair.a.shape[0], pair.a.shape[1])
    _check_options(options, min(shape))  # the overlap may be too small for the rings to skip
    images = compared_images(pair, variant)
    taper = fitting_taper(shape, options.taper_px)
    rings = make_rings(shape, thickness=options.ring_thickness)
    curve = _curve(images, taper, rings, options)
    half, smoothed = (_half_period(ring, rings.width, size) for ring in (curve.crossing, curve.smoothed))
    return RingCorrelation(
        ring=np.arange(rings.count),
        spatial_frequency=rings.frequency / size,
        correlation=curve.correlation,
        threshold=curve.threshold,
        samples=curve.samples,
        half_period=half,
        full_period=None if half is None else 2 * half,
        smoothed_half_period=smoothed,
        smoothed_half_period_sigma=_half_period_sigma(curve, rings.width, size),
        unresolved=curve.unresolved,
        nyquist=0.5 / size,
        pixel=size,
        threshold_name=options.threshold,
        image=variant,
        taper_px=taper,
        ring_thickness=options.ring_thickness,
        skip_rings=options.skip_rings,
        smooth_rings=options.smooth_rings,
        shift_px=pair.shift_px,
        shape=shape,
        warnings=_warnings(images, variant, curve, taper, rings, options),
    )


def sentence(result: RingCorrelation) -> str:
    """Say the resolution in one sentence, with its units and everything it depends on.

    A noisy curve crosses early, which makes the resolution a few per cent coarse; the smoothed one, which has an
    interval, is free of that.
    """
    terms = f"{result.threshold_name} threshold, {result.image} image, pixel {length_text(result.pixel)}"
    if result.half_period is None or result.full_period is None:
        return f"resolution not established ({result.unresolved}), {terms}"
    smoothed, sigma = result.smoothed_half_period, result.smoothed_half_period_sigma
    more = "" if smoothed is None else f"; smoothed over {result.smooth_rings} rings {length_text(smoothed)}"
    more += "" if smoothed is None or sigma is None else f" +- {length_text(sigma)}"
    both = f"{length_text(result.half_period)} (full period {length_text(result.full_period)}{more})"
    return f"half-period resolution {both}, {terms}"


def _half_period(ring: float | None, width: float, pixel: float) -> float | None:
    """Turn a ring into a half period in m."""
    return None if ring is None else pixel / (2 * ring * width)


def _half_period_sigma(curve: _Curve, width: float, pixel: float) -> float | None:
    """Turn the two rings at plus and minus one standard deviation into one of the half period in m."""
    if curve.smoothed_bounds is None:
        return None
    coarse, fine = (pixel / (2 * ring * width) for ring in curve.smoothed_bounds)
    return (coarse - fine) / 2


def _checked(a: Image, b: Image, pixel: float | tuple[float, float], options: FrcOptions) -> tuple[float, Variant]:
    """Refuse what cannot be compared; give the one pixel size and the image variant."""
    if a.shape != b.shape:
        raise InputError(f"images: found shapes {a.shape} and {b.shape}, wanted one; crop both to the common field")
    check_size(a.shape, "images")
    for name, image in (("first", a), ("second", b)):
        bad = int(np.count_nonzero(~np.isfinite(image)))
        if bad:
            raise InputError(f"{name} image: found {bad} values that are not finite, wanted none; crop or fill them")
    if np.iscomplexobj(a) != np.iscomplexobj(b):
        raise InputError("images: found one real and one complex, wanted two of a kind; take the same field of both")
    if options.taper_px is not None:
        cosine_taper((a.shape[0], a.shape[1]), options.taper_px)  # refuses one that does not fit
    _check_options(options, min(a.shape))
    sizes = pixel if isinstance(pixel, tuple) else (pixel, pixel)
    variant = options.image or ("phase" if np.iscomplexobj(a) else "real")
    if (variant == "real") == np.iscomplexobj(a):
        found = "complex" if np.iscomplexobj(a) else "real"
        raise UsageError(f"image variant: found {variant!r} for {found} images; leave it out to take the usual one")
    return same_pixel(sizes[0], sizes[1], side_px=max(a.shape)), variant


def _check_options(options: FrcOptions, side_px: int) -> None:
    """Refuse numbers that make no sense for an image of this side."""
    parse_threshold(options.threshold)
    last = side_px // (2 * options.ring_thickness) if options.ring_thickness >= 1 else 0
    for name, found, good, wanted in (
        ("ring thickness", options.ring_thickness, options.ring_thickness >= 1, "1 or more"),
        ("rings to skip", options.skip_rings, 1 <= options.skip_rings < last, f"1 to {last - 1} of {last}"),
        ("rings to smooth", options.smooth_rings, options.smooth_rings % 2 == 1, "an odd number"),
        ("upsampling", options.upsample, options.upsample >= 1, "1 or more"),
    ):
        if not good:
            raise UsageError(f"{name}: found {found:g}, wanted {wanted}")


def _curve(pair: PreparedPair, taper_px: int, rings: Rings, options: FrcOptions) -> _Curve:
    """Correlate the pair under one taper and find the crossings."""
    correlation, samples = correlate_rings(
        tapered_spectrum(pair.a, taper_px),
        tapered_spectrum(pair.b, taper_px, shift_px=pair.residual_px),
        rings,
    )
    real = not np.iscomplexobj(pair.a)
    threshold = threshold_curve(parse_threshold(options.threshold), samples, real_images=real)
    crossing, unresolved = first_crossing(correlation, threshold, skip=options.skip_rings)
    # ring 0 is empty by construction and must not pull its neighbours down
    smooth = np.concatenate(([0.0], moving_mean(correlation[1:], options.smooth_rings)))
    sigma = correlation_sigma(smooth, samples, real_images=real) / np.sqrt(options.smooth_rings)
    middle, low, high = (
        first_crossing(smooth + sign * sigma, threshold, skip=options.skip_rings)[0] for sign in (0, -1, 1)
    )
    bounds = None if low is None or high is None else (low, high)
    return _Curve(correlation, samples, threshold, crossing, unresolved, middle, bounds)


def _warnings(
    pair: PreparedPair, variant: Variant, curve: _Curve, taper_px: int, rings: Rings, options: FrcOptions
) -> tuple[str, ...]:
    """Say what makes the number doubtful."""
    shape = (pair.a.shape[0], pair.a.shape[1])
    found = []
    if any(abs(shift) > side / 4 for shift, side in zip(pair.shift_px, shape, strict=True)):
        found.append(
            f"the images were displaced by ({pair.shift_px[0]:.1f}, {pair.shift_px[1]:.1f}) px, more than a quarter "
            "of the field: check that both show the same field"
        )
    window = cosine_taper(shape, taper_px)
    wraps = count_wraps(pair.a, window) + count_wraps(pair.b, window) if variant == "phase" else 0
    if wraps:
        found.append(f"the phase jumps by more than pi at {wraps} pixel pairs: compare the phasor or unwrap first")
    last = slice(-min(_LAST_RINGS, rings.count // 3), None)
    plateau, noise = curve.correlation[last].mean(), 1 / np.sqrt(curve.samples[last].mean())
    if plateau > _PLATEAU_SIGMAS * noise:
        found.append(
            f"the correlation of the last rings is {plateau:.3f} on average where noise gives less than "
            f"{_PLATEAU_SIGMAS * noise:.3f}: the images are sharp to Nyquist or share noise (one flat field, common "
            "frames, one start)"
        )
    if curve.crossing is not None:
        first = slice(options.skip_rings, int(curve.crossing) + 1)
        sigma = correlation_sigma(0.0, curve.samples[first], real_images=not np.iscomplexobj(pair.a))
        if (curve.correlation[first] < _PLATEAU_SIGMAS * sigma).all():
            found.append("the curve is never above what noise alone reaches before it crosses: take one-bit")
    doubled = min(2 * taper_px, min(shape) // 2) if taper_px > 0 else default_taper(shape)
    if not _agree(curve, _curve(pair, doubled, rings, options).smoothed):
        found.append(
            f"a taper of {doubled:g} px for {taper_px:g} px moves the resolution by more than "
            f"{100 * _TAPER_TOLERANCE:g} % and its noise: the edges still count, use a larger taper"
        )
    return tuple(found)


def _agree(curve: _Curve, other: float | None) -> bool:
    """Tell whether another crossing lies within 2 % and two standard deviations; two missing ones agree."""
    if curve.smoothed is None or other is None:
        return curve.smoothed is other
    low, high = curve.smoothed_bounds or (0.0, 0.0)
    return abs(other - curve.smoothed) <= max(_TAPER_TOLERANCE * curve.smoothed, high - low)
