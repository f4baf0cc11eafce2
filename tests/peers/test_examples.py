"""Example files of other projects, shipped with them or made by them: no error that the file does not deserve."""

import contextlib
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from picpxct_nx import nxdl
from picpxct_nx.validation import Report, check_file

from .conftest import peer

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

# What the files that the packages ship do deserve, by package and file: path and code of each error, and why.
SHIPPED: dict[tuple[str, str], tuple[str, ...]] = {
    ("pynxtools", "data/201805_WSe2_arpes.nxs"): (
        # In 1/angstrom, which is a momentum; NXarpes wants angles.
        "/entry/instrument/analyser/angles UNIT_DIMENSION",
        # NXarpes allows x-ray alone for every source; a laser pumps here.
        "/entry/instrument/source_pump/probe ENUMERATION",
    ),
    ("nexusformat", "examples/chopper.nxs"): (
        # Claims NXdirecttof, which extends NXtofraw, and was written by the IPNS before either was there.
        r"/entry/(duration|pre_sample_flightpath|sample/nature) MISSING_FIELD",
        r"/entry/instrument/detector/(data|detector_number|azimuthal_angle) MISSING_FIELD",
        # (Its monitors have time channels of their own, which is a warning.)
        r"/entry/monitor[12]/(mode|preset|integral_counts) MISSING_FIELD",
        "/entry/user MISSING_GROUP",
        # NeXus has NXfermi_chopper and NXdisk_chopper.
        "/entry/instrument/monochromator CLASS",
    ),
}


def verdict(path: Path, definition: str | None = None) -> Report:
    """The report on a file."""
    with h5py.File(path, "r") as file:
        return check_file(file, path.name, nxdl.find(definition) if definition else None)


@pytest.mark.parametrize(("package", "name"), SHIPPED)
def test_a_shipped_example_gets_the_errors_that_it_deserves(package: str, name: str) -> None:
    report = verdict(Path(str(peer(package).__file__)).parent / name)
    found = [f"{fault.path} {fault.code}" for fault in report.errors]
    allowed = SHIPPED[package, name]
    assert [line for line in found if not any(re.fullmatch(pattern, line) for pattern in allowed)] == []
    assert all(any(re.fullmatch(pattern, line) for line in found) for pattern in allowed)


@pytest.fixture
def simple(tmp_path: Path) -> tuple[Path, str]:
    """A file of pynxtools' own example definition, written by pynxtools; and that definition."""
    definition = Path(str(peer("pynxtools").__file__)).parent / "data" / "NXsimple.nxdl.xml"
    template = peer("pynxtools.dataconverter.template").Template()
    entry = "/ENTRY[entry]"
    filled = {
        f"{entry}/title": "A simple example", f"{entry}/definition": "NXsimple", f"{entry}/definition/@version": "1.0",
        f"{entry}/INSTRUMENT[instrument]/@version": "1.0",
        f"{entry}/INSTRUMENT[instrument]/DETECTOR[detector]/count_time": 1.2,
        f"{entry}/INSTRUMENT[instrument]/DETECTOR[detector]/count_time/@units": "s",
        f"{entry}/sample/name": "sample 1", f"{entry}/sample/physical_form": "crystal",
        f"{entry}/sample/temperature": 300.0, f"{entry}/sample/temperature/@units": "K",
        f"{entry}/USER[user]/name": "A. Scientist", f"{entry}/USER[user]/address": "Berlin",
        f"{entry}/data/@signal": "data", f"{entry}/data/@axes": ["x"], f"{entry}/data/data": np.arange(4.0),
        f"{entry}/data/x": np.arange(4.0), "/@default": "entry", f"{entry}/@default": "data",
    }  # fmt: skip
    for key, value in filled.items():
        template[key] = value
    path = tmp_path / "simple.nxs"
    writer = peer("pynxtools.dataconverter.writer").Writer(template, str(definition), str(path))
    with contextlib.redirect_stdout(None):
        writer.write()
    return path, str(definition)


def test_a_file_that_pynxtools_wrote_has_no_error(simple: tuple[Path, str]) -> None:
    assert verdict(*simple).errors == ()


def test_a_fault_in_a_file_that_pynxtools_wrote_is_found(simple: tuple[Path, str]) -> None:
    with h5py.File(simple[0], "r+") as file:
        file["entry/sample/temperature"].attrs["units"] = "m"
    assert [(f.path, f.code) for f in verdict(*simple).errors] == [("/entry/sample/temperature", "UNIT_DIMENSION")]


@pytest.mark.parametrize("name", ["plot", "errors", "entry", "links"])
def test_a_file_that_nexusformat_wrote_has_no_error(name: str, tmp_path: Path) -> None:
    nx = peer("nexusformat.nexus")
    x = np.linspace(0, 2 * np.pi, 11)
    z = np.sin(x) * np.sin(x)[:, None]
    if name == "plot":
        root = nx.NXroot(nx.NXentry(nx.NXdata(z, [x, x])))
    elif name == "errors":
        root = nx.NXroot(nx.NXentry(nx.NXdata(np.sin(x), nx.NXfield(x, name="angle", units="rad"), errors=abs(x))))
    elif name == "entry":
        sample = nx.NXsample(temperature=nx.NXfield(40.0, units="K"), chemical_formula="NaCl")
        instrument = nx.NXinstrument(nx.NXdetector(distance=nx.NXfield(10.8, units="cm")))
        root = nx.NXroot(nx.NXentry(nx.NXdata(z, [x, x]), sample, instrument, title="Scattering"))
    else:
        detector = nx.NXdetector(data=nx.NXfield(z), polar_angle=nx.NXfield(x, units="degree"))
        root = nx.NXroot(nx.NXentry(nx.NXdata(), nx.NXinstrument(detector)))
        for field in (detector.data, detector.polar_angle):
            root.entry.data.makelink(field)
        root.entry.data.nxsignal = root.entry.data["data"]
        root.entry.data.nxaxes = [nx.NXfield(x, name="y"), root.entry.data["polar_angle"]]
    path = tmp_path / f"{name}.nxs"
    root.save(str(path), mode="w")
    assert verdict(path).errors == ()
