"""What a product says about the measurement that it was made from, against what the input itself says."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from picpxct_nx import nxdl
from picpxct_nx.validation.fields import Scope
from picpxct_nx.validation.rules_entry import ENERGY, STOKES
from picpxct_nx.validation.rules_product import step_of
from picpxct_nx.validation.rules_scan import FRAMES
from picpxct_nx.validation.structure import check_entry
from picpxct_nx.validation.tree import Item
from picpxct_nx.validation.values import view_of
from picpxct_nx.validation.view import View
from picpxct_nx.validation.violation import Violation

SCAN, RECONSTRUCTION, FRC = "NXspecptycho_scan", "NXspecptycho_reconstruction", "NXspecptycho_frc"
# Planck's constant times the speed of light, eV m: exact since the SI of 2019.
_HC_EV_M = 6.62607015e-34 * 299792458 / 1.602176634e-19
# Energies are copied, in text or float32 at worst; angles and Stokes vectors are written with four digits or more.
_ENERGY_EV, _ROUNDED, _PIXEL = 0.01, 1e-3, 1e-3
_ROTATION = "sample/transformations/rotation"


@dataclass(frozen=True)
class Origin:
    """What one entry says of its measurement, in SI units and eV; None where it does not say.

    `pixel` is the size (y, x) of an object's pixel: what a product has, or what a scan makes, lambda z / (N p).
    `frames` is the number of frames of a scan, or one more than the largest number of a frame that a product used.
    """

    definition: str
    energy_ev: float | None = None
    stokes: tuple[float, ...] | None = None
    rotation: float | None = None
    pixel: tuple[float, ...] | None = None
    frames: int | None = None


def origin_of(root: Item, entry: Item, definition: str | None) -> Origin | None:
    """What an entry of ours says of its measurement; None of an entry of others."""
    if definition not in (SCAN, RECONSTRUCTION, FRC):
        return None
    scope = Scope(root)
    # Its faults are told where the structure is; what is sound is left in the scope.
    list(check_entry(entry, nxdl.definition(definition), scope))
    view = view_of(entry, definition, scope)
    stokes = view.array(STOKES)
    return Origin(
        definition=definition,
        energy_ev=view.number(ENERGY),
        stokes=None if stokes is None or not np.isfinite(stokes).all() else tuple(stokes.ravel().tolist()),
        rotation=view.number(_ROTATION),
        pixel={SCAN: _reached, RECONSTRUCTION: _drawn, FRC: _correlated}[definition](view),
        frames=_frames(view),
    )


def _reached(view: View) -> tuple[float, ...] | None:
    """The pixel that a scan in the far field makes: lambda z / (N p)."""
    energy, z = view.number(ENERGY), view.number("instrument/detector/distance")
    sizes = [view.number(f"instrument/detector/{axis}_pixel_size") for axis in "yx"]
    shape = view.shape(FRAMES)[1:]
    if energy is None or z is None or not energy > 0 or None in sizes or len(shape) != len(sizes):
        return None
    reach = [n * p for n, p in zip(shape, sizes, strict=True) if p]
    return (
        tuple(_HC_EV_M / energy * z / length for length in reach) if len(reach) == len(sizes) and all(reach) else None
    )


def _drawn(view: View) -> tuple[float, ...] | None:
    steps = [step_of(view.array(f"object/{axis}")) for axis in "yx"]
    return None if None in steps else tuple(abs(step) for step in steps if step is not None)


def _correlated(view: View) -> tuple[float, ...] | None:
    size = view.number("pixel_size")
    return None if size is None else (size, size)


def _frames(view: View) -> int | None:
    if view.has(FRAMES):
        return view.shape(FRAMES)[0]
    used = view.array("positions/frame")
    return None if used is None or not used.size else int(used.max()) + 1


def check_origin(entry: str, product: Origin, source: Origin) -> Iterator[Violation]:
    """Where a product contradicts the scan, or the reconstruction, that its newest step read.

    Parameters
    ----------
    entry : str
        Path of the product's entry.
    product, source
        What the two say. A reconstruction may read other ones, whose probes it starts from: their geometry is theirs.
    """
    if (product.definition, source.definition) not in ((RECONSTRUCTION, SCAN), (FRC, RECONSTRUCTION)):
        return
    for path, found, wanted, tolerance, unit in (
        (ENERGY, product.energy_ev, source.energy_ev, _ENERGY_EV, "eV"),
        (_ROTATION, product.rotation, source.rotation, _ROUNDED, "rad"),
    ):
        if found is not None and wanted is not None and not abs(found - wanted) <= tolerance:
            text = f"is {found:.8g} {unit}, but {wanted:.8g} {unit} in the input"
            yield Violation(f"{entry}/{path}", "INPUT_GEOMETRY", f"{text}; run the step again on what was measured")
    if product.stokes and source.stokes and not _same(product.stokes, source.stokes):
        text = f"is {_numbers(product.stokes)}, but {_numbers(source.stokes)} in the input; run the step again"
        yield Violation(f"{entry}/{STOKES}", "INPUT_GEOMETRY", text)
    yield from _check_pixel(entry, product, source)
    if product.frames is not None and source.frames is not None and product.frames > source.frames:
        text = f"names frame {product.frames - 1}, but the input has {source.frames} frames, from 0"
        yield Violation(f"{entry}/positions/frame", "INPUT_GEOMETRY", f"{text}; was another scan read?")


def _same(found: tuple[float, ...], wanted: tuple[float, ...]) -> bool:
    return len(found) == len(wanted) and bool(np.abs(np.subtract(found, wanted)).max() <= _ROUNDED)


def _numbers(values: tuple[float, ...]) -> str:
    return f"({', '.join(f'{value:.4g}' for value in values)})"


def _check_pixel(entry: str, product: Origin, source: Origin) -> Iterator[Violation]:
    paths = ("object/y", "object/x") if product.definition == RECONSTRUCTION else ("pixel_size",)
    made = "lambda z / (N p) of the input is" if source.definition == SCAN else "the input has pixels of"
    for path, found, wanted in zip(paths, product.pixel or (), source.pixel or (), strict=False):
        if not abs(found - wanted) <= _PIXEL * wanted:
            text = f"has pixels of {found:.6g} m, but {made} {wanted:.6g} m; check distance, pixel and energy"
            yield Violation(f"{entry}/{path}", "INPUT_GEOMETRY", text)
