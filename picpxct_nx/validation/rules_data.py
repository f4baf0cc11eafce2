"""Rules that look at the images of products: read in blocks, each at most once whatever is asked of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from picpxct_nx.validation.rules_entry import ENERGY
from picpxct_nx.validation.view import Array, Found, View

# Angles of complex64 numbers, kept as float32.
_ANGLE = 1e-3
# Where the transmission is smaller, its angle is rounding.
_SMALL = 1e-4
# Part of the strongest light above which an object is well known; modulus that no sample has; part of all pixels.
_LIT, _BRIGHT, _MANY = 0.5, 1.5, 0.01
_SAMPLED = 100_000
_CUBE, _PHASE = "cube/transmission", "phase/phase"
_OBJECT, _COVERAGE = "object/transmission", "object/coverage"


@dataclass(frozen=True)
class _Image:
    """What one pass over an object or a cube found: numbers of pixels, and the part of them that is too bright."""

    unknown: int
    phase: int
    bright: float
    dark: int = 0


def _image(view: View) -> _Image | None:
    """One pass over object, phase and coverage, or over a cube and its phase."""
    if "image" not in view.facts:
        found = None
        if view.has(_OBJECT, _PHASE):
            found = _object(view)
        elif view.has(_CUBE, _PHASE, "cube/valid"):
            found = _cube(view)
        view.facts["image"] = found
    return view.facts["image"]  # type: ignore[no-any-return]


def _object(view: View) -> _Image:
    unknown = phase = dark = 0
    # A sample of the pixels says as well whether one in a hundred is too bright.
    stride = max(1, view.fields[_OBJECT][0].size // _SAMPLED)
    modulus, light = [np.empty(0, np.float32)], [np.empty(0, np.float32)]
    for rows in view.parts(_OBJECT):
        part = view.read(_OBJECT, rows)
        unknown += _unknown(part)
        phase += _apart(part, view.read(_PHASE, rows))
        modulus.append(np.abs(part.ravel()[::stride]))
        if view.has(_COVERAGE):
            covered = view.read(_COVERAGE, rows)
            dark += int(np.sum(~(covered >= 0)))
            light.append(covered.ravel()[::stride])
    size, lit = np.concatenate(modulus), np.concatenate(light)
    known = size[lit > _LIT * lit.max()] if lit.size and not dark else size
    # The solver shares the scale between object and probe as it likes; flattening sets it to 1 in air.
    scale = 1.0 if view.text("stage") == "flattened" or not known.size else float(np.median(known))
    return _Image(unknown, phase, float(np.mean(known > _BRIGHT * scale)) if known.size else 0.0, dark)


def _cube(view: View) -> _Image:
    """Angles of the mean over the measured energies; the modulus is looked at where each polarisation begins."""
    valid = view.read("cube/valid", slice(None)).astype(bool)
    unknown = phase = 0
    bright = [0.0]
    for row in range(len(valid)):
        total = np.zeros(view.shape(_CUBE)[2:], np.complex128)
        for part in view.parts(_CUBE, row):
            block = view.read(_CUBE, row, part)[valid[row, part]]
            if part.start == 0 and block.size:
                bright.append(float(np.mean(np.abs(block[0]) > _BRIGHT)))
            total += block.sum(axis=0, dtype=np.complex128)
        unknown += int(np.sum(~np.isfinite(total)))
        mean = total / max(1, int(valid[row].sum()))
        phase += _apart(mean, view.read(_PHASE, row))
    return _Image(unknown, phase, max(bright))


def _apart(transmission: Array, phase: Array) -> int:
    """Number of pixels whose phase is not the angle of the transmission, modulo 2 pi.

    Turned back by the phase p, t exp(-i p) must be positive and real: sines cost less than angles.
    """
    p = phase.astype(np.float32, copy=False)
    cosine, sine = np.cos(p), np.sin(p)
    real = transmission.real * cosine + transmission.imag * sine
    imaginary = transmission.imag * cosine - transmission.real * sine
    wrong = ~(np.abs(imaginary) <= _ANGLE * real)
    # Where the transmission is small or unknown there is no angle to compare with.
    return int(np.sum(np.abs(transmission[wrong]) > _SMALL)) if wrong.any() else 0


def _unknown(part: Array) -> int:
    """Number of elements that are not finite; one sum says whether there are any."""
    return 0 if np.isfinite(part.sum(dtype=np.complex128)) else int(np.sum(~np.isfinite(part)))


def _signal(view: View) -> str:
    return _OBJECT if view.has(_OBJECT) else _CUBE


def transmission_known(view: View) -> Found:
    """The transmission is finite wherever it was measured."""
    found = _image(view)
    if found is not None and found.unknown:
        yield _signal(view), f"{found.unknown} pixels are not finite; did the solver diverge?"


def phase(view: View) -> Found:
    """The phase is the angle of the transmission, modulo 2 pi."""
    found = _image(view)
    if found is not None and found.phase:
        text = f"is not the angle of the transmission in {found.phase} pixels; derive it again"
        yield _PHASE, text


def amplitude(view: View) -> Found:
    """Where much light fell, no sample amplifies it."""
    found = _image(view)
    if found is not None and found.bright > _MANY:
        text = f"is brighter than {_BRIGHT} times air in {found.bright:.0%} of the well lit pixels"
        yield _signal(view), f"{text}; did the solver converge?"


def coverage(view: View) -> Found:
    """The light that fell on a pixel is not negative."""
    found = _image(view)
    if found is not None and found.dark:
        yield _COVERAGE, f"{found.dark} pixels are negative or not finite; wanted the sum of intensities"


def _paths_of_errors(view: View) -> Iterator[str]:
    # Small ones are read here as well as the large, so that one rule holds for all.
    yield from (path for path, (item, _) in sorted(view.fields.items()) if path.endswith("_errors") and item.size)


def sigmas(view: View) -> Found:
    """A standard deviation is not negative; NaN where there is none."""
    for path in _paths_of_errors(view):
        item, _ = view.fields[path]
        if item.dtype is None or item.dtype.kind not in "fiu":
            continue
        keys: list[tuple[int | slice, ...]] = [()] if not item.shape else [(part,) for part in view.parts(path)]
        wrong = sum(int(np.sum(view.read(path, *key) < 0)) for key in keys)
        if wrong:
            yield path, f"holds {wrong} negative numbers; wanted standard deviations"


def spectra_known(view: View) -> Found:
    """Spectra that the mask lets through are finite."""
    if not view.has("maps/mask", ENERGY):
        return
    energy = view.array(ENERGY)
    for path in ("xanes/xanes", "xpnes/xpnes"):
        if not view.has(path) or energy is None or energy.ndim != 2:
            continue
        wrong = 0
        for row in range(len(energy)):
            measured = np.isfinite(energy[row])
            usable = view.read("maps/mask", row) == 0
            total = np.zeros(usable.shape)
            for part in view.parts(path, row):
                total += view.read(path, row, part)[measured[part]].sum(axis=0, dtype=np.float64)
            wrong += int(np.sum(usable & ~np.isfinite(total)))
        if wrong:
            yield path, f"{wrong} pixels hold no numbers though maps/mask is 0; set bit 4 of the mask"
