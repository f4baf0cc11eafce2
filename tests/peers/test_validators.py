"""Every product passes other projects' validators, but for faults of theirs that are named here one by one."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from .conftest import ROOT, definition_of, peer

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

# pynxtools 0.16: what it says where, and why that is no fault of the file. Each pattern is the whole message.
PYNXTOOLS = {
    # An array of one text is unwrapped before it is compared with a list that holds that array.
    "array of one": r"The value '(\w+)' at /\S+@(axes|auxiliary_signals)"
    r" should be one of the following: \[\['\1'\]\]\.",
    # An integer attribute is compared with the text of the enumeration's item.
    "integer": r"The value '(\d+)' at /\S+@\w+_indices should be one of the following: \['\1'\]\.",
    # The field is pixel_mask of NXdetector itself, not a mask of a field `pixel`.
    "pixel_mask": r"Reserved suffix '_mask' was used in /\S+/detector/pixel_mask,"
    r" but there is no associated field pixel\.",
    # A linked field carries the attributes of its target (an axis of NXtransformations); @target says so.
    "link": r"Attribute /\S+/data/[xy]/@(depends_on|transformation_type|vector) has no documentation\.",
}
BITES = {
    "NXspecptycho_scan": {"integer", "pixel_mask", "link"},
    "NXspecptycho_reconstruction": {"array of one"},
    "NXspecptycho_frc": {"array of one"},
    "NXspecptycho_spectrum": {"array of one"},
    "NXspecptycho_cube": set(),
    "NXspecptycho_normalized": set(),
    "NXspecptycho_grainmap": {"array of one"},
    "NXspecptycho_dose": {"array of one"},
}

# nexusformat 2.1, base classes alone: errors that are none. The file's own definition is not asked in this mode.
NEXUSFORMAT = {
    # NXDL allows dots inside a name (validItemName in nxdlTypes.xsd); nexusformat's pattern does not.
    r'"[a-z_]+\.[a-z_]+" is an invalid name',
    # Our definition adds the zone plate to NXinstrument, which the base class does not list.
    r"NXfresnel_zone_plate is an invalid class in NXinstrument",
}


class _Listener(logging.Handler):
    """Collects what a logger says from one level on."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # nexusformat logs its headings as critical.
        if record.levelno < logging.CRITICAL:
            self.said.append(record.getMessage().strip().removeprefix("WARNING: "))


@pytest.fixture
def pynxtools_says() -> Iterator[_Listener]:
    listener, logger = _Listener(logging.WARNING), logging.getLogger("pynxtools")
    logger.addHandler(listener)
    yield listener
    logger.removeHandler(listener)


@pytest.fixture
def nexusformat_says(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Listener]:
    validate = peer("nexusformat.nexus.validate")
    # It asks NumPy for `complex`, which went with NumPy 1.24: every complex field ends it with an AttributeError.
    monkeypatch.setattr(validate, "is_valid_complex", lambda dtype: np.issubdtype(dtype, np.complexfloating))
    listener = _Listener(logging.ERROR)
    validate.logger.addHandler(listener)
    validate.logger.setLevel(logging.WARNING)
    yield listener
    validate.logger.removeHandler(listener)


def test_pynxtools_finds_nothing_but_its_known_faults(product: Path, pynxtools_says: _Listener) -> None:
    definition = definition_of(product)
    peer("pynxtools.dataconverter.validate_file").validate(str(product))
    bitten, unknown = set(), []
    for line in pynxtools_says.said:
        if line.startswith("Invalid: The entry"):
            continue
        names = {name for name, pattern in PYNXTOOLS.items() if re.fullmatch(pattern, line, re.DOTALL)}
        bitten |= names
        unknown += [] if names else [line]
    assert unknown == []
    assert bitten == BITES[definition]


def test_pynxtools_knows_our_definition_and_finds_a_fault(
    product: Path, pynxtools_says: _Listener, tmp_path: Path
) -> None:
    import h5py

    broken = tmp_path / "broken.nxs"
    broken.write_bytes(product.read_bytes())
    with h5py.File(broken, "r+") as file:
        entry = file[file.attrs["default"]]
        del entry["title"]
        path = f"{entry.name}/title"
    peer("pynxtools.dataconverter.validate_file").validate(str(broken))
    assert any(path in line for line in pynxtools_says.said)


def test_nexusformat_finds_no_error_against_our_definition(product: Path, nexusformat_says: _Listener) -> None:
    schema = ROOT / "schemas" / f"{definition_of(product)}.nxdl.xml"
    result = peer("nexusformat.nexus.validate").validate_application(str(product), application=str(schema))
    assert nexusformat_says.said == []
    # Samples are small, and some come without what is recommended: a warning each.
    _, errors = result
    assert errors == 0


def test_nexusformat_finds_no_error_against_the_base_classes_but_its_own(
    product: Path, nexusformat_says: _Listener
) -> None:
    result = peer("nexusformat.nexus.validate").validate_file(str(product))
    assert result is not None
    assert result[1] == len(nexusformat_says.said)
    known = [line for line in nexusformat_says.said if any(re.fullmatch(p, line) for p in NEXUSFORMAT)]
    assert known == nexusformat_says.said


def test_nexusformat_still_cannot_read_complex_fields() -> None:
    validate = peer("nexusformat.nexus.validate")
    with pytest.raises(AttributeError, match="complex"):
        validate.is_valid_complex(np.dtype(np.complex64))


@pytest.mark.parametrize("schema", sorted((ROOT / "schemas").glob("*.nxdl.xml")), ids=lambda path: path.stem[:-5])
def test_nexusformat_s_linter_finds_no_fault_in_our_definitions(schema: Path) -> None:
    assert peer("nexusformat.nexus.validate").lint_nxdl(schema) == []
