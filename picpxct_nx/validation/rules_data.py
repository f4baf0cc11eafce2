"""Rules that look at the images of products: read in blocks, each at most once whatever is asked of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from picpxct_nx.validation.pixels import Workspace, add_up, negative, wrong_angles
from picpxct_nx.validation.rules_entry import ENERGY
from picpxct_nx.validation.view import Array, Found, View

# Part of the strongest light above which an object is well known; modulus that no sample has; part of all pixels.
_LIT, _BRIGHT, _MANY = 0.5, 1.5, 0.01
_SAMPLED = 20_000
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
    space = Workspace()
    # A sample of the pixels says as well whether one in a hundred is too bright.
    stride = _stride(view.shape(_OBJECT))
    modulus, light = [np.empty(0, np.float32)], [np.empty(0, np.float32)]
    for rows in view.parts(_OBJECT):
        part = view.borrow(_OBJECT, rows)
        found = wrong_angles(part, view.borrow(_PHASE, rows), space)
        unknown, phase = unknown + found[0], phase + found[1]
        modulus.append(np.abs(part.ravel()[::stride]))
        if view.has(_COVERAGE):
            covered = view.borrow(_COVERAGE, rows)
            dark += negative(covered)
            light.append(covered.ravel()[::stride].copy())
    size, lit = np.concatenate(modulus), np.concatenate(light)
    known = size[lit > _LIT * lit.max()] if lit.size and not dark else size
    # The solver shares the scale between object and probe as it likes; flattening sets it to 1 in air.
    scale = 1.0 if view.text("stage") == "flattened" or not known.size else float(np.median(known))
    return _Image(unknown, phase, float(np.mean(known > _BRIGHT * scale)) if known.size else 0.0, dark)


def _stride(shape: tuple[int, ...]) -> int:
    """Every how many pixels one is looked at; no divisor of the width, so that all columns are met."""
    stride = max(1, math.prod(shape) // _SAMPLED)
    while math.gcd(stride, shape[-1]) > 1:
        stride += 1
    return stride


def _cube(view: View) -> _Image:
    """Angles of the mean over the measured energies; the modulus is looked at where each polarisation begins."""
    valid = view.read("cube/valid", slice(None)).astype(bool)
    unknown = phase = 0
    space = Workspace()
    bright = [0.0]
    for row, measured in enumerate(valid):
        # In float32 first: a sum that something is wrong with is added up again in float64.
        total, first = _total(view, _CUBE, row, measured, np.dtype(np.complex64))
        angles = view.read(_PHASE, row)
        if any(wrong_angles(_mean(total, measured), angles, space)):
            total, _ = _total(view, _CUBE, row, measured, np.dtype(np.complex128))
            found = wrong_angles(_mean(total, measured), angles, space)
            unknown, phase = unknown + found[0], phase + found[1]
        if first is not None:
            bright.append(float(np.mean(np.abs(first) > _BRIGHT)))
    return _Image(unknown, phase, max(bright))


def _mean(total: Array, measured: Array) -> Array:
    return np.divide(total, max(1, int(measured.sum())), out=total)


def _total(view: View, path: str, row: int, measured: Array, dtype: np.dtype[Any]) -> tuple[Array, Array | None]:
    """Sum of the measured images of one polarisation, and the first of them."""
    total, first = np.zeros(view.shape(path)[2:], dtype), None
    for part in view.parts(path, row):
        block = view.borrow(path, row, part)
        images = [image for image, known in zip(block, measured[part], strict=True) if known]
        add_up(total, images)
        if first is None and images:
            first = images[0].copy()
    return total, first


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


def probe(view: View) -> Found:
    """The probe is finite, and brings light."""
    for path in ("probe/probe", "start_probe/probe"):
        if not view.has(path):
            continue
        light = sum(float(np.vdot(part, part).real) for part in (view.read(path, rows) for rows in view.parts(path)))
        if not np.isfinite(light):
            yield path, "is not finite everywhere; did the solver diverge?"
        elif light <= 0:
            yield path, "is zero everywhere; wanted the light that met the sample"


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
        for row, measured in enumerate(np.isfinite(energy)):
            usable = view.read("maps/mask", row) == 0
            total, _ = _total(view, path, row, measured, np.dtype(np.float32))
            if not np.isfinite(total[usable]).all():
                # Numbers may be too large for float32.
                total, _ = _total(view, path, row, measured, np.dtype(np.float64))
                wrong += int(np.sum(usable & ~np.isfinite(total)))
        if wrong:
            yield path, f"{wrong} pixels hold no numbers though maps/mask is 0; set bit 4 of the mask"
