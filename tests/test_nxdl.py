"""Our definitions are genuine NXDL, say the same thing in the same words, and other validators can follow them."""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from picpxct_nx import nxdl
from picpxct_nx.errors import InputError, MissingInputError

NX = "{http://definition.nexusformat.org/nxdl/3.1}"
NAME = re.compile(r"[a-zA-Z0-9_]([a-zA-Z0-9_.]*[a-zA-Z0-9_])?\Z")
NAMES = nxdl.names()


def source(name: str) -> Path:
    """File of one of our definitions."""
    return Path(str(files("picpxct_nx.schemas").joinpath(f"{name}.nxdl.xml")))


def elements(name: str, *tags: str) -> Iterator[ET.Element]:
    """Every element of these tags."""
    for element in ET.parse(source(name)).getroot().iter():
        if element.tag.removeprefix(NX) in tags:
            yield element


@pytest.fixture(scope="session")
def schema() -> Any:
    """NXDL's own schema, from the definitions that nexusformat ships."""
    return etree.XMLSchema(etree.parse(nxdl.folder() / "nxdl.xsd"))


def test_there_are_definitions() -> None:
    assert {"NXspecptycho_scan", "NXspecptycho_reconstruction", "NXspecptycho_cube"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_definition_is_valid_nxdl(name: str, schema: Any) -> None:
    schema.assertValid(etree.parse(source(name)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("default")
def test_a_definition_is_clean_in_the_linter_of_nexusformat(name: str) -> None:
    from nexusformat.nexus.validate import lint_nxdl

    assert lint_nxdl(source(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_called_like_the_definition(name: str) -> None:
    root = ET.parse(source(name)).getroot()
    assert root.get("name") == name
    assert root.get("category") == "application"
    assert nxdl.definition(name).root.child("field", "definition").fixed() == name  # type: ignore[union-attr]


@pytest.mark.parametrize("name", NAMES)
def test_every_field_and_group_is_explained(name: str) -> None:
    assert [path for path, node in nxdl.table(name).items() if node.kind != "attribute" and not node.doc] == []


@pytest.mark.parametrize("name", NAMES)
def test_names_keep_the_pattern_of_nexus(name: str) -> None:
    names = [e.get("name") for e in elements(name, "group", "field", "attribute", "symbol") if e.get("name")]
    assert [text for text in names if not NAME.match(str(text)) or len(str(text)) > 63] == []


@pytest.mark.parametrize("name", NAMES)
def test_siblings_have_names_of_their_own(name: str) -> None:
    for parent in elements(name, "group", "field"):
        counted = Counter(
            (child.get("name") or child.get("type")) for child in parent if child.tag in (f"{NX}group", f"{NX}field")
        )
        assert [text for text, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_symbol_is_declared_and_used(name: str) -> None:
    declared = [element.get("name") for element in elements(name, "symbol")]
    used = {element.get("value") for element in elements(name, "dim") if not str(element.get("value")).isdigit()}
    assert sorted(map(str, declared)) == sorted(map(str, used))


@pytest.mark.parametrize("name", NAMES)
def test_dimensions_are_numbered_from_one_and_agree_with_the_rank(name: str) -> None:
    for element in elements(name, "dimensions"):
        indices = [int(str(dim.get("index"))) for dim in element.findall(f"{NX}dim")]
        assert indices == list(range(1, int(str(element.get("rank"))) + 1))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_used_that_other_validators_mishandle(name: str) -> None:
    assert list(elements(name, "link", "choice")) == []
    partial = [e for e in elements(name, "group", "field") if e.get("nameType") in ("partial", "any")]
    assert [e.get("name") for e in partial if e.get("minOccurs") != "0" and e.get("optional") != "true"] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_attribute_says_whether_it_is_optional(name: str) -> None:
    """nxdl.xsd takes an attribute for optional by default, other programs for required."""
    silent = [e.get("name") for e in elements(name, "attribute") if not (e.get("optional") or e.get("recommended"))]
    assert silent == []


@pytest.mark.parametrize("name", NAMES)
def test_every_group_is_of_a_class_that_nexus_knows(name: str) -> None:
    classes = {str(element.get("type")) for element in elements(name, "group")}
    assert [text for text in classes if nxdl.base_class(text) is None] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_plot_names_fields_that_are_there(name: str) -> None:
    table = nxdl.table(name)
    plots = [path for path, node in table.items() if node.kind == "group" and node.type == "NXdata"]
    assert plots
    for path in plots:
        signal, axes = table[f"{path}@signal"].fixed(), table[f"{path}@axes"].fixed()
        field = table[f"{path}/{signal}"]
        assert isinstance(axes, tuple)
        assert len(axes) == len(field.dims or ())
        assert [axis for axis in axes if axis != "." and f"{path}/{axis}" not in table] == []
        lengths = [table[f"{path}/{axis}"].dims if axis != "." else None for axis in axes]
        assert [d for d, own in zip(lengths, field.dims or (), strict=True) if d is not None and d != (own,)] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_a_viewer_shows_first_is_a_real_plot(name: str) -> None:
    table = nxdl.table(name)
    default = table["@default"].fixed()
    assert table[str(default)].type == "NXdata"
    assert table[f"{default}/{table[f'{default}@signal'].fixed()}"].type != "NX_COMPLEX"


def test_units_of_all_fields_are_known() -> None:
    from picpxct_nx import units

    for name in NAMES:
        for path, node in nxdl.table(name).items():
            text = nxdl.unit_text(node)
            assert text is None or units.fits(text, text), path


HEAD = ["title", "entry_identifier_uuid", "experiment_identifier", "collection_identifier", "assumed", "user"]


def same_but_presence(node: nxdl.Node) -> tuple[object, ...]:
    """What must agree between definitions; a scan recommends more than a product can know."""
    return (node.kind, node.name, node.type, node.units, node.dims, node.items, node.doc,
            tuple(same_but_presence(child) for child in node.children))  # fmt: skip


@pytest.mark.parametrize("path", [*HEAD, "start_time", "end_time", "phase_convention", "(NXprocess)"])
def test_blocks_that_repeat_are_the_same_everywhere(path: str) -> None:
    found = [nxdl.table(name)[path] for name in NAMES if path in nxdl.table(name)]
    assert len(found) >= 2
    assert len({same_but_presence(node) for node in found}) == 1


@pytest.mark.parametrize("path", HEAD)
def test_every_definition_has_the_head(path: str) -> None:
    assert [name for name in NAMES if path not in nxdl.table(name)] == []


def test_axes_that_mean_the_same_say_the_same() -> None:
    """Polarisation angle and energy are explained in the same words wherever they are an axis."""
    for axis in ("polarization_angle", "energy"):
        nodes = [
            same_but_presence(node)
            for name in ("NXspecptycho_cube", "NXspecptycho_normalized")
            for path, node in nxdl.table(name).items()
            if path.endswith(f"/{axis}") and node.dims
        ]
        assert len(set(nodes)) == 1


def test_a_detector_is_a_component_is_an_object() -> None:
    detector, component = nxdl.base_class("NXdetector"), nxdl.base_class("NXcomponent")
    nx_object = nxdl.base_class("NXobject")
    assert detector is not None
    assert component is not None
    assert nx_object is not None
    own = {(child.kind, child.name, child.type) for child in detector.root.children}
    for parent in (component, nx_object):
        names = {(child.kind, child.name) for child in parent.root.children if child.name}
        assert names <= {(kind, name) for kind, name, _ in own}
    assert detector.root.child("field", "pixel_mask") is not None
    assert nx_object.root.child("field", "pixel_mask") is None


def test_a_class_overrides_what_it_inherits() -> None:
    detector = nxdl.base_class("NXdetector")
    assert detector is not None
    counted = Counter((child.kind, child.name) for child in detector.root.children if child.name)
    assert [name for name, count in counted.items() if count > 1] == []


def test_everything_in_a_base_class_is_optional() -> None:
    data = nxdl.base_class("NXbeam")
    assert data is not None
    assert {node.presence for _, node in nxdl.walk(data.root)} <= {"optional", "recommended"}


@pytest.mark.parametrize("text", ["NXnothing", "", "NX", "../NXentry", "NXentry.nxdl", "entry", "NXentry\0"])
def test_a_class_that_nexus_has_not_is_none(text: str) -> None:
    assert nxdl.base_class(text) is None


@pytest.mark.parametrize("text", ["NXmx", "", "../pyproject"])
def test_a_definition_that_is_not_ours_is_unknown(text: str) -> None:
    with pytest.raises(InputError, match="unknown definition"):
        nxdl.definition(text)


def test_the_table_says_what_the_file_says() -> None:
    table = nxdl.table("NXspecptycho_scan")
    node = table["instrument/detector/data"]
    assert (node.kind, node.type, node.units, node.dims) == ("field", "NX_NUMBER", "NX_ANY", ("nP", "nY", "nX"))
    assert table["instrument/beam/incident_polarization_stokes"].dims == (1, 4)
    assert table["sample/transformations/x@vector"].fixed() == (1, 0, 0)
    assert table["end_time"].presence == "recommended"
    assert table["control"].presence == "optional"
    assert nxdl.unit_text(table["sample/transformations/rotation"]) == "rad"
    assert nxdl.unit_text(table["sample/transformations/x"]) == "m"
    assert re.fullmatch(r"\d+\.\d+\.\d+", nxdl.definition("NXspecptycho_scan").version)


DRAFT = """<?xml version="1.0"?>
<definition xmlns="http://definition.nexusformat.org/nxdl/3.1" category="application" type="group"
    extends="{extends}" name="NXdraft">
  <group type="NXentry">
    <field name="definition"><enumeration><item value="NXdraft"/></enumeration></field>
    <group type="NXdetector" minOccurs="{least}" maxOccurs="3"><field name="distance"/></group>
  </group>
</definition>
"""


def draft(folder: Path, text: str) -> str:
    """Path of a definition written to a folder."""
    path = folder / "NXdraft.nxdl.xml"
    path.write_text(text, "utf-8")
    return str(path)


def test_a_definition_is_read_from_a_file(tmp_path: Path) -> None:
    found = nxdl.find(draft(tmp_path, DRAFT.format(extends="NXobject", least=2)))
    detector = found.root.unnamed("NXdetector")
    assert detector is not None
    assert (found.name, found.own, detector.occurs) == ("NXdraft", False, (2, 3))
    # What the file leaves unsaid stands in the base class.
    distance = detector.child("field", "distance")
    assert distance is not None
    assert (distance.units, distance.presence) == ("NX_LENGTH", "required")


def test_a_file_may_extend_a_definition_of_nexus(tmp_path: Path) -> None:
    found = nxdl.find(draft(tmp_path, DRAFT.format(extends="NXarchive", least=1)))
    title = found.root.child("field", "title")
    assert title is not None
    assert title.presence == "required"
    definition = found.root.child("field", "definition")
    assert definition is not None
    assert definition.items == ("NXdraft",)


BOMB = "<!DOCTYPE definition [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]>"
OUTSIDE = "<!DOCTYPE definition [<!ENTITY a SYSTEM 'file:///etc/hostname'>]>"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (DRAFT.replace("<definition", f"{BOMB}<definition", 1), "line 2: declares a document type"),
        (DRAFT.replace("<definition", f"{OUTSIDE}<definition", 1), "line 2: declares a document type"),
        (DRAFT.replace("</definition>", ""), "line 9: no element found"),
        (DRAFT.replace("{least}", "two"), "line 6: 'two' is no number"),
        (DRAFT.replace("{extends}", "NXnothing"), "line 2: extends 'NXnothing'"),
        (DRAFT.replace("application", "base"), "is a base class"),
        ("<html/>", "line 1: is a <html>"),
        ("", "line 1: no element found"),
        ("not XML", "line 1: syntax error"),
        ("<a>" * 80 + "</a>" * 80, "nest deeper"),
        ("<definition name='x'>" + " " * (9 * 2**20) + "</definition>", "bytes, more than"),
        ("<definition name='x' category='application'/>", "line 1: describes no group"),
    ],
)
def test_a_file_that_is_no_definition_is_refused_with_its_line(text: str, reason: str, tmp_path: Path) -> None:
    path = draft(tmp_path, text.replace("{extends}", "NXobject").replace("{least}", "1"))
    with pytest.raises(InputError, match=re.escape(reason)):
        nxdl.find(path)


@pytest.mark.parametrize("name", ["NXnothing", "NXdetector", "", "../NXmx", "NXmx\0"])
def test_only_application_definitions_are_found(name: str) -> None:
    with pytest.raises(InputError):
        nxdl.find(name)


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        nxdl.find(str(tmp_path / "NXdraft.nxdl.xml"))


def test_a_group_takes_the_place_of_the_one_it_specialises() -> None:
    """NXdirecttof speaks of the instrument without its name, NXtofraw with it: they are one."""
    instruments = [child.name for child in nxdl.find("NXdirecttof").root.children if child.type == "NXinstrument"]
    assert instruments == ["instrument"]


def test_misplaced_groups_may_be_there_or_not() -> None:
    """In NXcxi_ptycho a slip put three groups beside the entry."""
    root = nxdl.find("NXcxi_ptycho").root
    assert root.name == "entry_1"
    beside = [child for child in root.children if child.name in ("data_1", "sample_1")]
    assert [child.presence for child in beside] == ["optional", "optional"]


def test_a_class_is_what_it_extends() -> None:
    assert nxdl.is_a("NXdetector", "NXcomponent")
    assert nxdl.is_a("NXdetector", "NXobject")
    assert not nxdl.is_a("NXcomponent", "NXdetector")
