"""Everything that a definition requires is missed where it is taken out, and nothing else is."""

import h5py
import pytest

from picpxct_nx import nxdl, records
from picpxct_nx.nxdl import Node
from picpxct_nx.validation import Report

from .conftest import ENTRY, CheckMutant

KINDS = [cls.DEFINITION for cls in records.KINDS]


def concrete(path: str) -> str:
    """Path in the valid file for a path of the definition."""
    step = "process_002" if "identifier_entry" in path else "process_001"
    return path.replace("(NXprocess)", step).replace("(NXnote)", "input_001")


def errors(report: Report) -> list[tuple[str, str]]:
    """Code and path, relative to the entry, of every error."""
    return sorted((fault.code, fault.path.removeprefix(f"/{ENTRY}").lstrip("/")) for fault in report.errors)


def broken_links(name: str, path: str) -> list[tuple[str, str]]:
    """What cannot be avoided where the target of a link goes: the other name still points there."""
    links = records.kind(name).LINKS.items()
    return [("TARGET", f"{link}@target") for link, target in links if f"{target}/".startswith(f"{path}/")]


def cases(presence: str) -> list[tuple[str, str]]:
    """Every node of this presence in every definition that has a name of its own."""
    return [
        (name, path)
        for name in KINDS
        for path, node in nxdl.table(name).items()
        if node.presence == presence and node.name is not None and node.kind != "attribute"
    ]


def missing(name: str, path: str, node: Node) -> list[tuple[str, str]]:
    """The errors that must come, and only they, where one thing is taken out."""
    if path == "definition":
        return [("DEFINITION_MISSING", "definition")]
    return sorted([(f"MISSING_{node.kind.upper()}", concrete(path)), *broken_links(name, path)])


@pytest.mark.parametrize("name", KINDS)
def test_a_file_with_every_field_has_no_error(name: str, check_mutant: CheckMutant) -> None:
    report = check_mutant(name, lambda _: None)
    assert report.errors == ()
    assert {fault.code for fault in report.violations} == {"ASSUMED"}


@pytest.mark.parametrize(("name", "path"), cases("required"))
def test_what_is_required_is_missed(name: str, path: str, check_mutant: CheckMutant) -> None:
    def take_out(file: h5py.File) -> None:
        del file[f"{ENTRY}/{concrete(path)}"]

    expected = missing(name, path, nxdl.table(name)[path])
    # @title is assumed in the fixture: an assumed path that is not there is a fault of its own.
    expected += [("ASSUMED_MISSING", "assumed")] if path == "title" else []
    assert errors(check_mutant(name, take_out)) == sorted(expected)


@pytest.mark.parametrize("name", KINDS)
def test_every_required_attribute_is_missed(name: str, check_mutant: CheckMutant) -> None:
    required = [concrete(p) for p, n in nxdl.table(name).items() if "@" in p and n.presence == "required"]

    def take_out(file: h5py.File) -> None:
        for owner, _, attribute in (path.partition("@") for path in required):
            del file[f"{ENTRY}/{owner}"].attrs[attribute]

    entry_itself = {"@default": f"/{ENTRY}@default"}
    found = [(fault.code, fault.path.removeprefix(f"/{ENTRY}/")) for fault in check_mutant(name, take_out).errors]
    assert sorted(found) == sorted(("MISSING_ATTRIBUTE", entry_itself.get(path, path)) for path in required)


@pytest.mark.parametrize("name", KINDS)
def test_what_is_recommended_or_optional_may_be_left_out(name: str, check_mutant: CheckMutant) -> None:
    table = nxdl.table(name)
    # Groups of free content are empty in the definition, and so in the fixture.
    paths = [path for kind, path in cases("recommended") + cases("optional") if kind == name and "(" not in path]
    paths = [path for path in paths if "@" not in path and (table[path].kind == "field" or table[path].children)]

    def take_out(file: h5py.File) -> None:
        for path in sorted(paths, key=lambda path: -path.count("/")):
            del file[f"{ENTRY}/{path}"]
        if "resolved" in file[ENTRY]:  # a curve without half_period is not resolved
            file[f"{ENTRY}/resolved"][...] = False

    report = check_mutant(name, take_out)
    assert report.errors == ()
    wanted = {path for path, node in table.items() if node.presence == "recommended" and "@" not in path}
    found = {fault.path.removeprefix(f"/{ENTRY}/") for fault in report.violations if fault.code == "RECOMMENDED"}
    tops = {path for path in wanted if not any(f"{path}/".startswith(f"{group}/") for group in paths if group != path)}
    assert found == tops


@pytest.mark.parametrize("name", KINDS)
def test_a_product_without_any_history_is_refused(name: str, check_mutant: CheckMutant) -> None:
    def take_out(file: h5py.File) -> None:
        del file[f"{ENTRY}/process_001"], file[f"{ENTRY}/process_002"]

    raw = name == "NXspecptycho_scan"  # a beamline writes scans without any history
    assert errors(check_mutant(name, take_out)) == ([] if raw else [("OCCURRENCE", "")])


def test_an_empty_file_has_no_entry(check_mutant: CheckMutant) -> None:
    def take_out(file: h5py.File) -> None:
        del file[ENTRY]

    found = errors(check_mutant("NXspecptycho_frc", take_out))
    assert [code for code, _ in found] == ["DEFAULT", "MISSING_GROUP"]
