"""NXstxm: a stack of images over the energies, one file a polarisation, for MANTiS and other spectromicroscopy tools.

Conventions, each with its source:

- Definition: NXstxm of the NeXus definitions; a `sample image stack` is (energy, y, x), and indices grow with the
  coordinates, as ours do. `energy` in eV holds the energies measured at that polarisation; gaps are left out.
- Image: transmitted intensity |t|^2 relative to air, from which MANTiS makes -ln(I / I0) with an I0 of 1; of normalised
  spectra the XANES, which is an optical density already. --image chooses another.
- `sample_x`, `sample_y`: micrometres, the unit that MANTiS shows without asking (`file_nexus_hdf5.py` of MANTiS 3.3,
  read, not copied), with @units.
- What MANTiS needs beyond the definition: text of shape (1,); @axes of fixed length, as bytes; `count_time` in the
  NXdata: the exposure of a frame, repeated for every energy.
- Times, source and exposure are those of the raw scans (--with), or stated by --set: the definition demands them and a
  cube does not hold them. `start_time` is the earliest, `end_time` the latest of what the scans say.
- `instrument/monochromator/energy` and the detector's data are meant to be in the order of time, point by point: nP is
  taken as the number of images, with the mean of each.
- `rotation_angle` in deg is the sample's turn about the beam, of which NXstxm does not say an axis; the Stokes vector
  stands in `instrument/beam`, an NXbeam that the definition leaves free.
"""

from collections.abc import Iterator, Mapping
from functools import partial

import h5py
import numpy as np

from picpxct_nx.errors import InputError
from picpxct_nx.formats.exports.hdf5 import new_file
from picpxct_nx.formats.exports.images import Sheet, pol_suffix, polarisations, sheets
from picpxct_nx.formats.exports.product import Choices, ExportFormat, Product, Sink, lost, missing, origin, quantity
from picpxct_nx.records import NormalizedCube, Record, Scan, SpectralCube
from picpxct_nx.values import Array

DEFAULT = {SpectralCube: ("intensity",), NormalizedCube: ("xanes",)}
UM = 1e6
EXAMPLES = {
    "start_time": "2026-05-01T08:00:00+02:00", "end_time": "2026-05-01T20:00:00+02:00", "source": "SLS",
    "source_type": "Synchrotron X-ray Source", "count_time": "0.1 s",
}  # fmt: skip
_COMMON = frozenset({
    "title", "entry_identifier_uuid", "assumed", "start_time", "end_time", "instrument/beam/incident_energy",
    "sample/name", "instrument/beam/incident_polarization_stokes", "sample/rotation_angle", "stage",
    "sample/chemical_formula",
})  # fmt: skip


def products(record: Record, choices: Choices) -> Iterator[Product]:
    """A file for each polarisation.

    Raises
    ------
    UsageError
        More than one image is asked for.
    InputError
        What the definition demands is neither in the cube nor in --with nor stated.
    """
    assert isinstance(record, SpectralCube | NormalizedCube)  # noqa: S101  # the registry gives no other
    facts = _facts(record, choices)
    chosen = polarisations(record.entry, record.polarization_angle, choices)
    for p, sheet in zip(chosen, sheets(record, choices, DEFAULT), strict=True):
        names = {plane.image for plane in sheet.planes}
        if len(names) != 1 or any(plane.energy_ev is None for plane in sheet.planes):
            raise InputError(
                f"{record.entry}: NXstxm holds one image at every energy; choose one with --image, not a map: "
                f"found {', '.join(sorted(names)) or 'none'}"
            )
        suffix = pol_suffix(float(record.polarization_angle[p]))
        yield Product(
            name=f"{record.entry}{suffix}",
            write=partial(write, record, p, sheet, facts),
            notes=(_image_note(sheet), *_nan_notes(record, p)),
            lost=lost(record, _carried(record)),
        )


def _carried(record: Record) -> frozenset[str]:
    group = "cube" if isinstance(record, SpectralCube) else "xanes"
    own = {f"{group}/{name}" for name in ("y", "x", "energy", "polarization_angle", "valid")}
    return _COMMON | own | ({"xanes/xanes"} if group == "xanes" else set())


def _image_note(sheet: Sheet) -> str:
    name = sheet.planes[0].image
    hint = "; in MANTiS take I0 = 1, or air" if name == "intensity" else "; it is no intensity: I0 does not apply"
    return f"data are {name} at {len(sheet.planes)} energies{hint}"


def _nan_notes(record: SpectralCube | NormalizedCube, p: int) -> tuple[str, ...]:
    unknown = ~np.asarray(record.known[p], bool) if isinstance(record, SpectralCube) else record.mask[p] != 0
    count = int(np.count_nonzero(unknown))
    if not count:
        return ()
    many = f"{count} pixels ({100 * count / unknown.size:.1f} %)"
    if isinstance(record, SpectralCube):
        return (f"{many} were not seen at every energy: they are filled as air, with a transmission of 1",)
    return (f"{many} are masked and NaN, which PCA in MANTiS refuses: crop there first",)


def _facts(record: SpectralCube | NormalizedCube, choices: Choices) -> Mapping[str, str | float]:
    """Times, source and exposure: as stated, else of the scans, else of the cube; all that lack are named."""
    mine = {source.uuid for step in record.history for source in step.inputs}
    scans = [other for other in choices.others if isinstance(other, Scan)]
    known = [scan for scan in scans if scan.uuid in mine]
    if scans and not known:
        raise InputError(f"{record.entry}: its history names none of --with; give the scans it was made from")
    values = record.to_values()
    facts: dict[str, str | float] = {}
    for name in ("start_time", "end_time"):
        if name in values:
            facts[name] = str(values[name])
    if known:
        facts |= _of_scans(known)
    facts |= {name: text for name, text in choices.given.items() if name != "count_time"}
    exposure = quantity(choices, "count_time", "s")
    if exposure is not None:
        facts["count_time"] = exposure
    lacking = {name: example for name, example in EXAMPLES.items() if name not in facts}
    if lacking:
        raise missing(record, lacking, "NXstxm", ", or --with SCANS that it was made from")
    return facts


def _of_scans(scans: list[Scan]) -> dict[str, str | float]:
    values = [scan.to_values() for scan in scans]
    facts: dict[str, str | float] = {
        "start_time": min(scan.start_time for scan in scans),
        "end_time": max(str(value.get("end_time", value["start_time"])) for value in values),
        "source": scans[0].source,
        "count_time": scans[0].count_time,
    }
    if "instrument/source/type" in values[0]:
        facts["source_type"] = str(values[0]["instrument/source/type"])
    return facts


def write(
    record: SpectralCube | NormalizedCube, p: int, sheet: Sheet, facts: Mapping[str, str | float], sink: Sink
) -> None:
    """Write one polarisation, image by image."""
    with new_file(sink) as file:
        file.attrs["default"] = "entry"
        entry = _group(file, "entry", "NXentry")
        entry.attrs["default"] = "counter0"
        angle = np.rad2deg(record.polarization_angle[p])
        _text(entry, "title", f"{record.title}, E at {angle:.4g} deg from x in the sample")
        _text(entry, "definition", "NXstxm")
        _text(entry, "start_time", str(facts["start_time"]))
        _text(entry, "end_time", str(facts["end_time"]))
        _text(entry, "entry_identifier_uuid", record.uuid)
        means = _write_stack(_group(entry, "counter0", "NXdata"), sheet, float(facts["count_time"]))
        _write_instrument(_group(entry, "instrument", "NXinstrument"), record, p, sheet, facts, means)
        sample = _group(entry, "sample", "NXsample")
        _text(sample, "name", record.sample)
        if record.formula is not None:
            _text(sample, "chemical_formula", record.formula)
        _number(sample, "rotation_angle", np.rad2deg([float(record.rotation[p])]), "deg")
        _text(_group(entry, "origin", "NXnote"), "description", origin(record))


def _write_stack(data: h5py.Group, sheet: Sheet, exposure: float) -> Array:
    """The NXdata; returns the mean of each image, of its finite pixels."""
    h, w, count = len(sheet.y), len(sheet.x), len(sheet.planes)
    data.attrs["signal"] = "data"
    data.attrs["axes"] = np.array([b"energy", b"sample_y", b"sample_x"])
    for index, name in enumerate(("energy", "sample_y", "sample_x")):
        data.attrs[f"{name}_indices"] = index
    kind = "sample image stack" if count > 1 else "sample image"
    _text(data, "stxm_scan_type", kind)
    item = data.create_dataset("data", (count, h, w), "f4", chunks=(1, h, w), compression="gzip", shuffle=True)
    item.attrs["long_name"] = sheet.planes[0].image
    item.attrs["units"] = sheet.planes[0].unit
    item.attrs["signal"] = 1
    means = np.full(count, np.nan)
    for index, plane in enumerate(sheet.planes):
        image = plane.read().astype(np.float32)
        item[index] = image
        means[index] = np.mean(image[np.isfinite(image)], dtype=np.float64) if np.isfinite(image).any() else np.nan
    energy = np.array([float(plane.energy_ev or 0) for plane in sheet.planes])
    for index, (name, values, unit) in enumerate(
        (("energy", energy, "eV"), ("sample_y", sheet.y * UM, "um"), ("sample_x", sheet.x * UM, "um")), 1
    ):
        _number(data, name, np.asarray(values, np.float64), unit).attrs["axis"] = index
    _number(data, "count_time", np.full(count, exposure), "s")
    return means


def _write_instrument(
    instrument: h5py.Group,
    record: SpectralCube | NormalizedCube,
    p: int,
    sheet: Sheet,
    facts: Mapping[str, str | float],
    means: Array,
) -> None:
    source = _group(instrument, "source", "NXsource")
    _text(source, "name", str(facts["source"]))
    _text(source, "type", str(facts["source_type"]))
    _text(source, "probe", "x-ray")
    energy = np.array([float(plane.energy_ev or 0) for plane in sheet.planes])
    _number(_group(instrument, "monochromator", "NXmonochromator"), "energy", energy, "eV")
    _number(_group(instrument, "counter0", "NXdetector"), "data", means, "")
    beam = _group(instrument, "beam", "NXbeam")
    beam["incident_polarization_stokes"] = np.asarray(record.stokes[p], np.float64)[np.newaxis]


def _group(parent: h5py.Group, name: str, nx_class: str) -> h5py.Group:
    group = parent.create_group(name)
    group.attrs["NX_class"] = nx_class
    return group


def _text(group: h5py.Group, name: str, text: str) -> None:
    group.create_dataset(name, data=np.array([text], dtype=object), dtype=h5py.string_dtype())


def _number(group: h5py.Group, name: str, values: Array, unit: str) -> h5py.Dataset:
    item = group.create_dataset(name, data=values)
    item.attrs["units"] = unit
    return item


FORMAT = ExportFormat(
    name="nxstxm",
    about="NXstxm (HDF5): intensities or XANES over the energies, one file a polarisation, for MANTiS; --with SCANS",
    suffix=".hdf5",
    takes=(SpectralCube, NormalizedCube),
    lacks=("the complex transmission", "sigmas", "air and known maps", "nominal energies of gaps", "the history"),
    products=products,
    heeds=frozenset({"image", "polarisation", "energy", "with"}),
    asks={"start_time": None, "end_time": None, "source": None, "source_type": None, "count_time": "s"},
    companions=(Scan,),
)
