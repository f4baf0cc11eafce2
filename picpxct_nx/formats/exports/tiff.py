"""TIFF and OME-TIFF: real images in float32 with the size of a pixel, a label with unit for every page.

Conventions, each with its source:

- Rows: a TIFF begins at the top (TIFF 6.0, Orientation 1). Our rows run along +y, which points up; so rows are written
  from the last to the first, and a viewer shows x to the right and y up, as one who looks at the source sees the
  sample. It is the image that is turned upside down, not the physics: no sign of phase changes.
- `tiff` is what ImageJ reads (`TiffDecoder`, `FileInfo`; tifffile's `imagej`): resolution in pixels a micrometre,
  unit `um`, a label a page, `xorigin` and `yorigin` the pixel at x = y = 0, float32, at most 4 GiB.
- `ome-tiff` is OME-XML 2016-06 (docs.openmicroscopy.org): PhysicalSizeX, PhysicalSizeY in um; every page is a channel
  with its label as Name and, where it belongs to an energy, ExcitationWavelength = h c / E in nm. Polarisation,
  energies in eV, units, coordinates of the first pixel and the entry's UUID stand in a map annotation.
- Pages are not compressed: float32 noise shrinks by a tenth, and every reader opens them.
- A complex image is written as phase (rad, wrapped to -pi to pi) and modulus.
"""

import math
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from picpxct_nx import __version__, provenance
from picpxct_nx.errors import InputError
from picpxct_nx.formats.exports.images import IMAGED, Sheet, pixel_size, sheets
from picpxct_nx.formats.exports.product import Choices, ExportFormat, Product, Sink, lost, origin
from picpxct_nx.records import DoseMap, GrainMap, NormalizedCube, Reconstruction, Record, SpectralCube
from picpxct_nx.simulate.spectra import wavelength
from picpxct_nx.values import Array

DEFAULT = {
    Reconstruction: ("phase", "modulus"), SpectralCube: ("phase", "modulus"), NormalizedCube: ("xanes", "xpnes"),
    GrainMap: ("orientation", "grain", "confidence"), DoseMap: ("dose",),
}  # fmt: skip
# ImageJ's offsets have 32 bits; some room is left for labels.
IMAGEJ_BYTES = 2**32 - 2**25
UM, NM = 1e6, 1e9
_LACKS = ("complex numbers: phase and modulus instead", "sigma maps and masks", "probe and positions", "the history")


def products(record: Record, choices: Choices, *, ome: bool) -> Iterator[Product]:
    """A file for each polarisation, or one where the images belong to none.

    Raises
    ------
    InputError
        ImageJ's TIFF cannot hold so much, or the record lacks what was chosen.
    """
    for sheet in sheets(record, choices, DEFAULT):
        if not sheet.planes:
            raise InputError(f"{record.entry}{sheet.suffix}: has no image at all; nothing was measured there")
        size = len(sheet.planes) * len(sheet.y) * len(sheet.x) * 4
        if not ome and size > IMAGEJ_BYTES:
            raise InputError(f"{record.entry}: {size / 2**30:.1f} GiB do not fit ImageJ's TIFF; take ome-tiff")
        # What is drawn is carried; an image cannot name the fields that it is made of.
        gone = tuple(path for path in lost(record, _carried(record, sheet)) if path != "entry_identifier_uuid")
        yield Product(
            name=f"{record.entry}{sheet.suffix}",
            write=partial(_write, record, sheet, ome=ome),
            notes=("the first row of the file is the largest y: x to the right, y up",),
            lost=gone,
        )


def _carried(record: Record, sheet: Sheet) -> frozenset[str]:
    """Paths of the images that a sheet holds, as far as float32 has them, and of their axes."""
    names = {plane.image for plane in sheet.planes}
    of_complex = {"phase", "modulus"} <= names
    paths = {
        Reconstruction: {"object/y", "object/x", "phase/phase", "instrument/beam/incident_energy"}
        | ({"object/transmission"} if of_complex else set())
        | ({"object/coverage"} if "coverage" in names else set()),
        SpectralCube: {"cube/y", "cube/x", "cube/polarization_angle", "cube/valid", "instrument/beam/incident_energy"}
        | ({"cube/transmission", "phase/phase"} if of_complex else set()),
        NormalizedCube: {"xanes/y", "xanes/x", "xanes/polarization_angle", "instrument/beam/incident_energy"}
        | ({"xanes/xanes"} if "xanes" in names else set()) | ({"xpnes/xpnes"} if "xpnes" in names else set())
        | {f"maps/{name.replace('-', '_')}" for name in names},
        GrainMap: {"orientation/y", "orientation/x"}
        | {f"orientation/{name.replace('-', '_').replace('grain', 'label')}" for name in names},
        DoseMap: {"dose/y", "dose/x"} | {f"dose/{name}" for name in names},
    }[type(record)]  # fmt: skip
    return frozenset(paths | {"title", "assumed"})


def _pages(sheet: Sheet) -> Iterator[Array]:
    for plane in sheet.planes:
        yield np.ascontiguousarray(plane.read()[::-1], np.float32)


class _Nameless:
    """An open file without a name: tifffile asks for one, and a spool answers None."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        if name == "name":
            raise AttributeError(name)
        return getattr(self._file, name)


def _named(sink: Sink) -> Any:
    return sink if isinstance(sink, Path) else _Nameless(sink)


def _write(record: Record, sheet: Sheet, sink: Sink, *, ome: bool) -> None:
    import tifffile

    shape = (len(sheet.planes), len(sheet.y), len(sheet.x))
    how = _ome(record, sheet) if ome else _imagej(record, sheet)
    large = 4 * math.prod(shape) > IMAGEJ_BYTES
    with tifffile.TiffWriter(_named(sink), ome=ome, imagej=not ome, bigtiff=large) as file:
        file.write(_pages(sheet), shape=shape, dtype=np.float32, software=f"picpxct_nx {__version__}", **how)


def _imagej(record: Record, sheet: Sheet) -> dict[str, Any]:
    """What tifffile is told for a file of ImageJ's."""
    y, x = pixel_size(sheet.y) * UM, pixel_size(sheet.x) * UM
    metadata = {
        "axes": "ZYX",
        "unit": "um",
        "Labels": [plane.label for plane in sheet.planes],
        "xorigin": float(-sheet.x[0] * UM / x),
        "yorigin": float(sheet.y[-1] * UM / y),
        "Info": "\n".join(f"{name} = {value}" for name, value in _facts(record, sheet).items()),
    }
    # ImageJ takes the unit of the resolution from its own text, so that the tag has none.
    tags = {"resolution": (1 / x, 1 / y), "resolutionunit": "NONE", "datetime": provenance.now()[:19]}
    return tags | {"metadata": metadata}


def _facts(record: Record, sheet: Sheet) -> dict[str, str]:
    facts = {
        "title": record.title,
        "origin": origin(record),
        "rows": "from the largest y to the smallest; x to the right, y up",
        "y of the first row (m)": f"{sheet.y[-1]:.9g}",
        "x of the first column (m)": f"{sheet.x[0]:.9g}",
    }
    if sheet.angle is not None:
        facts["polarisation (deg)"] = f"{np.rad2deg(sheet.angle):.6g}"
    for number, plane in enumerate(sheet.planes):
        if plane.energy_ev is not None:
            facts[f"energy of page {number} (eV)"] = f"{plane.energy_ev:.6f}"
        if plane.unit:
            facts[f"unit of page {number}"] = plane.unit
    return facts


def _ome(record: Record, sheet: Sheet) -> dict[str, Any]:
    """What tifffile is told for an OME-TIFF."""
    channel: dict[str, Any] = {"Name": [plane.label for plane in sheet.planes]}
    if all(plane.energy_ev is not None for plane in sheet.planes):
        channel["ExcitationWavelength"] = [wavelength(float(plane.energy_ev or 0)) * NM for plane in sheet.planes]
        channel["ExcitationWavelengthUnit"] = ["nm"] * len(sheet.planes)
    metadata = {
        # Of the file, not of the entry: always the same for the same images of the same entry.
        "UUID": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'urn:uuid:{record.uuid}/{sheet.suffix}/{channel}')}",
        "Creator": f"picpxct_nx {__version__}",
        "axes": "CYX",
        "Name": f"{record.entry}{sheet.suffix}",
        "Description": record.title,
        "PhysicalSizeX": pixel_size(sheet.x) * UM,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": pixel_size(sheet.y) * UM,
        "PhysicalSizeYUnit": "µm",
        "Channel": channel,
        "MapAnnotation": {"Namespace": "picpxct_nx", **_facts(record, sheet)},
    }
    return {"photometric": "minisblack", "metadata": metadata}


def _format(name: str, suffix: str, about: str, *, ome: bool) -> ExportFormat:
    return ExportFormat(
        name=name,
        about=about,
        suffix=suffix,
        takes=IMAGED,
        lacks=_LACKS,
        products=partial(products, ome=ome),
        heeds=frozenset({"image", "polarisation", "energy"}),
    )


TIFF = _format(
    "tiff", ".tif", "TIFF for ImageJ, float32, pixel size in um: one or all images, one file a polarisation", ome=False
)
OME_TIFF = _format(
    "ome-tiff",
    ".ome.tif",
    "OME-TIFF, float32, pixel size in um, energies as wavelengths: one file a polarisation",
    ome=True,
)
