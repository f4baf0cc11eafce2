"""Make invalid/CODE.nxs: for every code of `picpxct validate` one small file that is valid but for one fault.

SOURCE_DATE_EPOCH=1767225600 python sample_data/make_invalid.py [FOLDER]

The files INPUT_*.nxs are wrong only beside their input: picpxct validate --inputs invalid/inputs invalid/INPUT_*.nxs
"""

import io
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from invalid_faults import DONE, FAULTS, RAW, E, Fault

from picpxct_nx import nexus, provenance
from picpxct_nx.provenance import Input, Step
from picpxct_nx.records import DoseMap, FrcCurve, GrainMap, NormalizedCube, Reconstruction, Record, Scan, SpectralCube

EPOCH = "1767225600"
# Codes that no small file can give, and why; the tests make them in memory.
IN_MEMORY = {
    "LIMIT_OBJECTS": "takes more than 100 000 objects",
    "NOT_READABLE": "takes a file that is not HDF5",
    "UNTRUSTED_CRASH": "takes a reader that crashes",
    "UNTRUSTED_MEMORY": "takes more memory than a reader is given",
    "UNTRUSTED_TIMEOUT": "takes more time than a reader is given",
}


def _history() -> tuple[Step, ...]:
    first = Step(command="import", date=provenance.now(), inputs=(Input(checksum="0" * 64, file_name="raw.h5"),),
                 output_uuid=RAW)  # fmt: skip
    return first, Step(command="change", date=provenance.now(), inputs=(Input(checksum="1" * 64, uuid=RAW),))


def _common() -> dict[str, Any]:
    first = (replace(_history()[0], output_uuid=None),)
    return {"entry": E, "title": "Invalid by intention", "uuid": DONE, "sample": "V2O5", "history": first}


def _axis(length: int) -> np.ndarray[Any, Any]:
    return 1e-8 * np.arange(length)


def _scan() -> Scan:
    n, side = 4, 8
    return Scan(
        **_common() | {"history": ()}, frames=np.full((n, side, side), 9, np.uint16),
        pixel_mask=np.zeros((side, side), np.int32),
        frame=np.arange(n), start_time="2025-12-01T08:00:00+00:00", instrument="I", source="S",
        encoder_energy_ev=5469.1, energy_offset_ev=1.9, energy_ev=5471.0, stokes=np.array([[1.0, 1.0, 0.0, 0.0]]),
        x_pixel_size=75e-6, y_pixel_size=75e-6, distance=7.2, beam_center_x=3e-4, beam_center_y=3e-4, count_time=0.1,
        rotation=0.0, stage_x=_axis(n), stage_y=_axis(n), monitor=np.ones(n), zone_plate_diameter=1e-4,
        outermost_zone_width=5e-8, central_stop_diameter=4e-5, defocus=1e-3, assumed=None,
        extra={"end_time": "2025-12-01T08:05:00+00:00", "instrument/detector/saturation_value": 1000.0},
    )  # fmt: skip


def _reconstruction() -> Reconstruction:
    n = 8
    t = (0.9 * np.exp(-0.3j * np.arange(n * n).reshape(n, n) / n**2)).astype(np.complex64)
    return Reconstruction(
        **_common() | {"history": _history()}, stage="reconstructed",
        energy_ev=5471.0, stokes=np.array([[1.0, 1.0, 0.0, 0.0]]), rotation=0.0,
        transmission=t, y=_axis(n), x=_axis(n), coverage=np.ones((n, n), np.float32), phase=np.angle(t),
        probe=np.ones((1, 4, 4), np.complex64), probe_y=_axis(4), probe_x=_axis(4), position_y=_axis(3),
        position_x=_axis(3), position_frame=np.arange(3), error=np.array([0.5, 0.2]), iteration=np.array([1, 2]),
    )  # fmt: skip


def _input() -> Scan:
    return replace(_scan(), uuid=RAW)


def _product() -> Reconstruction:
    """The reconstruction of `_input`: its pixel is lambda z / (N p) for the 5471 eV, 7.2 m and 8 pixels of the scan."""
    pixel = 1.239841984e-6 / 5471.0 * 7.2 / (8 * 75e-6)
    step = Step(command="reconstruct", date=provenance.now(), inputs=(_input().as_input("scan.nxs"),))
    names = ("y", "x", "probe_y", "probe_x", "position_y", "position_x")
    made = _reconstruction()
    axes: dict[str, Any] = {name: pixel * np.arange(len(getattr(made, name))) for name in names}
    return replace(made, history=(step,), **axes)


_STACK: dict[str, Any] = {"stokes": np.array([[1.0, 1.0, 0, 0], [1.0, 1.0, 0, 0]]), "rotation": np.array([0.0, -1.0])}
_STACK |= {"polarization_angle": np.array([0.0, 1.0]), "energy_ev": np.linspace(5460.0, 5520.0, 5), "y": _axis(4)}
_STACK |= {"measured_energy_ev": np.tile(np.linspace(5460.0, 5520.0, 5), (2, 1)), "x": _axis(4)}


def _cube() -> SpectralCube:
    t = np.full((2, 5, 4, 4), 0.9 * np.exp(-0.2j), np.complex64)
    phase = np.angle(t.mean(axis=1)).astype(np.float32)
    return SpectralCube(
        **_common(),
        **_STACK,
        stage="stacked",
        transmission=t,
        valid=np.ones((2, 5), bool),
        phase=phase,
        known=np.ones((2, 4, 4), bool),
    )


def _normalized() -> NormalizedCube:
    spectra, maps = np.ones((2, 5, 4, 4), np.float32), np.ones((2, 4, 4), np.float32)
    return NormalizedCube(
        **_common(), **_STACK, thickness_by="none", edge_energy_ev=5485.0, pre_edge_ev=np.array([-20.0, -10.0]),
        post_edge_ev=np.array([15.0, 30.0]), xanes=spectra, xpnes=spectra, edge_step=maps, phase_drop=maps,
        mask=np.zeros((2, 4, 4), np.int32), extra={"maps/edge_step_errors": maps},
    )  # fmt: skip


def _frc() -> FrcCurve:
    common = {name: value for name, value in _common().items() if name != "sample"}
    return FrcCurve(
        **common, image="phase", threshold_name="fixed:0.5", pixel_size=1e-8, taper_px=2, ring_thickness=1,
        resolved=True, half_period=2e-8, full_period=4e-8, correlation=np.array([1.0, 0.7, 0.3, 0.1]),
        threshold=np.full(4, 0.5), spatial_frequency=np.array([1e7, 2e7, 3e7, 4e7]), samples=np.array([4, 8, 12, 16]),
    )  # fmt: skip


def _grainmap() -> GrainMap:
    label = np.repeat([[1, 1, 2, 0]], 4, axis=0).astype(np.int32)
    angle, pixels = np.where(label > 0, 0.5, np.nan), np.array([8, 4])
    two = np.array([0.5, 0.5])
    return GrainMap(
        **_common(), signal_name="phase-lobe", edge_energy_ev=5485.0, peak_ev=np.array([-13.0, -11.0]),
        base_ev=np.array([-17.0, -15.0]), mirror_ambiguous=True, calibration="given", background=0.0, amplitude=1.0,
        stokes=np.array([[1.0, 1.0, 0, 0], [1.0, 1.0, 0, 0]]), rotation=np.array([0.0, -np.pi / 2]),
        orientation=angle, orientation_errors=angle / 10, label=label, confidence=np.where(label > 0, 0.9, 0.0),
        y=_axis(4), x=_axis(4), signal=np.ones((2, 4, 4), np.float32), polarization_angle=np.array([0.0, np.pi / 2]),
        grain_id=np.array([1, 2]), area=1e-16 * pixels, pixels=pixels,
        equivalent_diameter=np.sqrt(4e-16 * pixels / np.pi),
        centroid_y=1e-8 * two, centroid_x=1e-8 * two, major_axis=4e-8 * two, minor_axis=2e-8 * two, axis_angle=two,
        mean_orientation=two, mean_orientation_errors=two / 10, orientation_spread=two / 10,
        touches_border=np.array([True, True]),
    )  # fmt: skip


def _dose() -> DoseMap:
    n, fluence, mu = 4, 1e19, 5.8
    gray = fluence * 5471.0 * 1.602176634e-19 * mu
    one = np.ones(1)
    return DoseMap(
        **_common(), attenuation_from="given", flux_from="scan", beam_from="zone-plate", field_area=16e-16,
        mean_dose=gray, maximum_dose=gray, mean_fluence=fluence, dose=np.full((n, n), gray),
        fluence=np.full((n, n), fluence), y=_axis(n), x=_axis(n), scan=np.array([1]),
        scan_name=np.array(["entry"], dtype=object), scan_energy_ev=5471.0 * one, scan_rotation=0.0 * one,
        scan_photons=1e6 * one, scan_mass_attenuation=mu * one, scan_mean_fluence=fluence * one,
        scan_mean_dose=gray * one, scan_maximum_dose=gray * one,
    )  # fmt: skip


BASES: dict[str, Callable[[], Record]] = {
    "input": _input, "product": _product,
    "scan": _scan, "reconstruction": _reconstruction, "cube": _cube, "normalized": _normalized, "frc": _frc,
    "grainmap": _grainmap, "dose": _dose,
}  # fmt: skip


def unknown_filter(image: bytes) -> bytes:
    """The number of gzip in the message of a pipeline replaced by one that nobody has; the file has no checksums."""
    return image.replace(b"\x01\x00\x08\x00\x01\x00\x01\x00deflate\0", b"\x39\x30\x08\x00\x01\x00\x01\x00deflate\0")


def unknown_link(image: bytes) -> bytes:
    """The class of an external link (64) replaced by one that nobody registered."""
    place = image.index(b"\x07odd_way")
    start = image.rindex(b"\x40", place - 8, place)
    return image[:start] + b"\x41" + image[start + 1 :]


# Bytes that no library writes: what is made first, in the old layout without checksums, and how it is changed.
PATCHED: dict[str, tuple[Fault, Callable[[bytes], bytes]]] = {
    "FILTER": (lambda f: f.create_dataset("d", data=np.zeros(8), chunks=(8,), compression="gzip"), unknown_filter),
    "LINK_CLASS": (lambda f: f.__setitem__("odd_way", h5py.ExternalLink("x.h5", "/")), unknown_link),
}


@cache
def valid(name: str) -> bytes:
    """A small valid file with one entry, as bytes."""
    sink = io.BytesIO()
    if name == "others":
        _others(sink)
        return sink.getvalue()
    nexus.write_to(sink, [BASES[name]()], compression="none")
    return compact(sink)


def _others(sink: io.BytesIO) -> None:
    """A file of another program, held to the base classes alone."""
    with h5py.File(sink, "w", libver=("v108", "v110")) as file:
        file.attrs["NX_class"], file.attrs["default"] = np.bytes_("NXroot"), np.bytes_(E)
        classes = {"": "NXentry", "sample": "NXsample", "sample/transformations": "NXtransformations",
                   "instrument": "NXinstrument", "instrument/beam": "NXbeam", "data": "NXdata"}  # fmt: skip
        for path, name in classes.items():
            file.create_group(f"{E}/{path}".rstrip("/")).attrs["NX_class"] = np.bytes_(name)
        file[E].attrs["default"], file[f"{E}/data"].attrs["signal"] = np.bytes_("data"), np.bytes_("data")
        fields = {"instrument/beam/incident_energy": (5471.0, "eV"), "sample/transformations/rotation": (0.0, "rad"),
                  "sample/temperature": (300.0, "K")}  # fmt: skip
        for path, (value, unit) in fields.items():
            file[f"{E}/{path}"] = value
            file[f"{E}/{path}"].attrs["units"] = np.bytes_(unit)
        turn = file[f"{E}/sample/transformations/rotation"].attrs
        turn["transformation_type"], turn["vector"] = np.bytes_("rotation"), np.array([0.0, 0.0, 1.0])
        turn["depends_on"] = np.bytes_(".")
        file[f"{E}/title"], file[f"{E}/data/data"] = np.bytes_("Of another program"), np.arange(3.0)


def compact(sink: io.BytesIO) -> bytes:
    """The same file without chunks, whose tables are larger than what they hold."""
    packed = io.BytesIO()
    with h5py.File(sink, "r") as old, h5py.File(packed, "w", libver=("v108", "v110")) as new:
        new.attrs.update({name: _fixed(value) for name, value in old.attrs.items()})
        met: dict[int, str] = {}

        def copy(source: h5py.Group, target: h5py.Group) -> None:
            for key, item in source.items():
                address = h5py.h5o.get_info(item.id).addr
                if address in met:
                    target[key] = new[met[address]]
                    continue
                made = target.create_group(key) if isinstance(item, h5py.Group) else None
                if made is None:
                    made = target.create_dataset(key, data=_fixed(item[()]))
                made.attrs.update({name: _fixed(value) for name, value in item.attrs.items()})
                met[address] = made.name
                if isinstance(item, h5py.Group):
                    copy(item, made)

        copy(old, new)
    return packed.getvalue()


def _fixed(value: Any) -> Any:
    """Text as text of fixed length, which needs no heap."""
    if isinstance(value, str | bytes):
        return np.bytes_(value)
    return value.astype("S") if isinstance(value, np.ndarray) and value.dtype.kind == "O" else value


def make(code: str) -> bytes:
    """The bytes of the file of one code."""
    sink = io.BytesIO()
    if code in PATCHED:
        build, patch = PATCHED[code]
        with h5py.File(sink, "w", libver=("earliest", "v108")) as file:
            build(file)
        return patch(sink.getvalue())
    base, fault = FAULTS[code]
    sink.write(valid(base))
    with h5py.File(sink, "r+", libver=("v108", "v110")) as file:
        fault(file)
    return sink.getvalue()


def main(folder: Path) -> None:
    """Make every file anew."""
    os.environ["SOURCE_DATE_EPOCH"] = EPOCH
    folder.mkdir(exist_ok=True)
    for code in sorted(FAULTS.keys() | PATCHED.keys()):
        (folder / f"{code}.nxs").write_bytes(make(code))
    (folder / "inputs").mkdir(exist_ok=True)
    (folder / "inputs" / "scan.nxs").write_bytes(valid("input"))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "invalid")
