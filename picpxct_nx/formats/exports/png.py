"""PNG: pictures of real images for slides and log books, with a scale bar and a colour bar; no data come back.

Conventions: x to the right and y up, as in the laboratory or on the sample; colours run over the central 99 % of the
pixels; pixels that are not known are sand-coloured. The phase and scale of a reconstruction are arbitrary before
`flatten`: for the picture alone a ramp is taken off, by the rim of the lit field, and the picture says so. Where less
than a twentieth of the strongest light fell, an object is noise and is not shown; nor is what fills a cube where no
projection was.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.formats.exports.images import IMAGED, Plane, Sheet, refuse, sheets
from picpxct_nx.formats.exports.product import Choices, ExportFormat, Product, Sink, lost, origin
from picpxct_nx.records import DoseMap, FrcCurve, GrainMap, NormalizedCube, Reconstruction, Record, SpectralCube
from picpxct_nx.values import Array

DEFAULT = {
    Reconstruction: ("phase", "modulus"), SpectralCube: ("phase", "modulus"), NormalizedCube: ("xanes",),
    GrainMap: ("orientation", "grain"), DoseMap: ("dose",),
}  # fmt: skip
NO_NUMBERS = "every number: a picture holds colours"
LEAST_COVERAGE = 0.05
UNKNOWN_RIM = "not flattened, and its lit rim is not known: the phase may hold a ramp"
RAMP = "phase ramp and scale taken off for the picture: it is not flattened yet"


def products(record: Record, choices: Choices) -> Iterator[Product]:
    """A picture for each polarisation and energy, the images side by side.

    Raises
    ------
    InputError
        There is nothing to show: every pixel is NaN, or none was measured.
    """
    if isinstance(record, FrcCurve):
        for option, value in (("image", choices.images), ("polarisation", choices.polarisation),
                              ("energy", choices.energy_ev)):  # fmt: skip
            refuse(record.entry, option, value, "is a curve")
        yield Product(
            name=record.entry, write=partial(_write_frc, record), lost=(NO_NUMBERS, *lost(record, ("title",)))
        )
        return
    shown, notes = _flat(record)
    for sheet in sheets(shown, choices, DEFAULT):
        for energy in _energies(sheet):
            planes = [plane for plane in sheet.planes if plane.energy_ev == energy]
            of_energy = "" if energy is None or isinstance(record, Reconstruction) else f"_{energy:.2f}eV"
            yield Product(
                name=f"{record.entry}{sheet.suffix}{of_energy}",
                write=partial(_write, record, sheet, planes, notes),
                notes=notes,
                lost=(NO_NUMBERS, *lost(record, ("title",))),
            )


def _flat(record: Record) -> tuple[Record, tuple[str, ...]]:
    """A reconstruction as it can be looked at: flat on its rim, NaN where it is dark; and what was done."""
    if not isinstance(record, Reconstruction):
        return record, ()
    if record.coverage is None or np.ptp(record.coverage) == 0 or not np.isfinite(record.transmission).all():
        return record, ((UNKNOWN_RIM,) if record.stage == "reconstructed" else ())
    if record.stage == "reconstructed":
        from picpxct_nx.report.pictures import flat_on_border

        return dataclasses.replace(record, transmission=flat_on_border(record)), (RAMP,)
    lit = np.asarray(record.coverage) > LEAST_COVERAGE * np.max(record.coverage)
    return dataclasses.replace(record, transmission=np.where(lit, record.transmission, np.nan)), ()


def _energies(sheet: Sheet) -> Sequence[float | None]:
    return list(dict.fromkeys(plane.energy_ev for plane in sheet.planes))


def _write(record: Record, sheet: Sheet, planes: Sequence[Plane], notes: Sequence[str], sink: Sink) -> None:
    from picpxct_nx.report.image_pictures import Panel, draw_images

    images: list[Array] = [plane.read() for plane in planes]
    if sheet.known is not None:
        images = [np.where(sheet.known, image, np.nan) for image in images]
    if not any(np.isfinite(image).any() for image in images):
        raise InputError(f"{record.entry}: {planes[0].label} holds no finite pixel; there is nothing to draw")
    where = "" if sheet.angle is None else f", E at {np.rad2deg(sheet.angle):.4g} deg"
    title = "\n".join([f"{record.title}{where}", *notes])
    panels = [Panel(plane.image, plane.label, image) for plane, image in zip(planes, images, strict=True)]
    draw_images(panels, sheet.y, sheet.x, title, sink, origin(record))


def _write_frc(record: FrcCurve, sink: Sink) -> None:
    from picpxct_nx.report.pictures import frc_figure

    frc_figure(record).savefig(sink, format="png", dpi=150, metadata={"Description": origin(record)})


FORMAT = ExportFormat(
    name="png",
    about="PNG pictures with scale bar and colour bar: phase, modulus, XANES, grains, dose, FRC",
    suffix=".png",
    takes=(*IMAGED, FrcCurve),
    lacks=("numbers: a picture holds colours",),
    products=products,
    heeds=frozenset({"image", "polarisation", "energy"}),
)
