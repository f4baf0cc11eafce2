"""What people read of the definitions is what the programs read: pages, tables and JSON come from the same nodes."""

import ast
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import picpxct_nx.validation
from picpxct_nx import markdown, nxdl, schema_codes, schema_pages, schema_rows
from picpxct_nx.errors import InputError

PAGES = Path(__file__).parents[1] / "docs" / "schema"
OURS = nxdl.names()
CODE = re.compile(r"[A-Z][A-Z0-9]+(_[A-Z0-9]+)*\Z")


def test_the_committed_pages_are_those_of_the_definitions() -> None:
    committed = {path.name: path.read_text("utf-8") for path in PAGES.iterdir()}
    assert committed == schema_pages.pages(), "run python -m picpxct_nx.schema_pages docs/schema"


def test_writing_the_pages_removes_those_of_definitions_that_are_gone(tmp_path: Path) -> None:
    (tmp_path / "NXold.md").write_text("old")
    markdown.write(tmp_path / "new" / "docs", schema_pages.pages())
    markdown.write(tmp_path, schema_pages.pages())
    assert {path.name for path in tmp_path.glob("*.md")} == {"README.md", *(f"{name}.md" for name in OURS)}


@pytest.mark.parametrize("name", OURS)
def test_a_page_names_every_node_with_its_meaning(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    for path, node in nxdl.table(name).items():
        (line,) = [line for line in lines if line.startswith(f"| `{path}` | {node.type} |")]
        assert f" {node.presence}" in line
        assert len(re.findall(r"(?<!\\)\|", line)) == 7
        assert all(str(item).replace("_", "\\_") in line for item in node.items if isinstance(item, str))


def code_literals() -> set[str]:
    """Texts in the sources of the checks that look like a code and stand where one is handed on."""
    found = set()
    for path in Path(picpxct_nx.validation.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
                "Violation", "UnreadableError", "Rule", "refuse"
            ):  # fmt: skip
                texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
                found |= {text for text in texts if CODE.match(text)}
    return found


def test_every_code_of_the_checks_is_explained_once() -> None:
    explained = Counter(code.code for codes in schema_codes.codes().values() for code in codes)
    assert [code for code, times in explained.items() if times > 1] == []
    assert sorted(code_literals() - explained.keys()) == [], "add them to schema_codes, and write the pages again"
    assert len(code_literals()) > 80


def test_every_explanation_is_a_sentence_with_a_source() -> None:
    for codes in schema_codes.codes().values():
        for code in codes:
            assert code.sentence.endswith("."), code
            assert code.source, code
            assert code.level in ("error", "warning", "error or warning"), code


def every_definition() -> list[nxdl.Definition]:
    found = []
    for name in (*OURS, *nxdl.shipped()):
        try:
            found.append(nxdl.base_class(name) or nxdl.find(name))
        except InputError:
            continue
    return found


def test_every_definition_of_nexus_can_be_printed() -> None:
    definitions = every_definition()
    assert len(definitions) > 200
    for definition in definitions:
        text = schema_rows.as_text(definition, 80)
        assert text.startswith(definition.name)
        json.dumps(schema_rows.as_json(definition))


def test_text_fits_the_terminal() -> None:
    for name in OURS:
        lines = schema_rows.as_text(nxdl.definition(name), 100).splitlines()
        assert max(map(len, lines)) <= 115  # paths and types are never broken
        assert max(len(line) for line in lines if line.startswith("    ")) <= 100


def at(schema: dict[str, Any], path: str) -> dict[str, Any]:
    """What the JSON schema says of a path."""
    here, _, attribute = path.partition("@")
    for part in filter(None, here.split("/")):
        if part.startswith("("):
            (schema,) = [s for s in schema["x-nx-any-name"] if s["x-nx-class"] == part.strip("()")]
        else:
            schema = schema["properties"][part]
    found: dict[str, Any] = schema["x-nx-attributes"][attribute] if attribute else schema
    return found


@pytest.mark.parametrize("name", OURS)
def test_the_json_schema_says_of_every_node_what_the_definition_says(name: str) -> None:
    schema = schema_rows.as_json(nxdl.definition(name))
    json.dumps(schema)
    for path, node in nxdl.table(name).items():
        found = at(schema, path)
        assert found["x-nx-presence" if node.kind != "group" or node.name else "x-nx-kind"]
        assert found.get("x-nx-class" if node.kind == "group" else "x-nx-type") == node.type
        assert tuple(found.get("x-nx-shape", ())) == (node.dims or ())
        assert found.get("x-nx-unit-category") == node.units
        rank = 0
        while found.get("type") == "array":
            rank, found = rank + 1, found["items"]
        assert rank == len(node.dims or ())
    required = {
        c.name for c in nxdl.definition(name).root.children if c.kind != "attribute" and c.presence == "required"
    }
    assert set(schema["required"]) == required - {None}


def test_a_description_is_told_in_one_sentence() -> None:
    assert schema_rows.sentence("A scan at 5.4 keV, e.g. of V2O5. It has frames.") == "A scan at 5.4 keV, e.g. of V2O5."
    assert schema_rows.sentence("") == ""
