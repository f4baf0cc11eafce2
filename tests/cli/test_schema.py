"""What schema prints: the definitions, one of them as a table, or as JSON; and what it says to a wrong name."""

import json
from pathlib import Path

from picpxct_nx import nxdl

from .conftest import Call, message

SCHEMAS = Path(__file__).parents[2] / "schemas"


def test_without_a_name_the_definitions_are_listed(call: Call) -> None:
    result = call("schema")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines() if line[0] != " "] == list(nxdl.names())
    own = [json.loads(line) for line in call("schema", "--json").stdout.splitlines()]
    assert [item["name"] for item in own] == list(nxdl.names())
    every = [json.loads(line) for line in call("schema", "--all", "--json").stdout.splitlines()]
    assert {"NXmx", "NXstxm", "NXxas"} <= {item["name"] for item in every if not item["own"]}
    assert "NXdetector" not in {item["name"] for item in every}


def test_a_definition_is_a_table_for_people_and_a_schema_for_programs(call: Call) -> None:
    text = call("schema", "NXspecptycho_frc").stdout.splitlines()
    assert text[0] == "NXspecptycho_frc 1.0.0"
    (line,) = [line for line in text if line.startswith("half_period")]
    assert line.split() == ["half_period", "NX_FLOAT", "m", "optional"]
    schema = json.loads(call("schema", "NXspecptycho_frc", "--json").stdout)
    assert schema["title"] == "NXspecptycho_frc"
    assert schema["properties"]["half_period"]["x-nx-unit"] == "m"


def test_definitions_of_nexus_and_of_files_are_printed_too(call: Call) -> None:
    assert call("schema", "NXmx").stdout.startswith("NXmx\n")
    assert call("schema", "NXdetector").stdout.startswith("NXdetector\n")
    ours = call("schema", SCHEMAS / "NXspecptycho_scan.nxdl.xml")
    assert ours.stdout.startswith("NXspecptycho_scan 1.0.0\n")


def test_a_wrong_name_is_told_what_may_be_meant(call: Call, tmp_path: Path) -> None:
    result = call("schema", "NXspecptycho_scam")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean NXspecptycho_scan" in message(result)
    assert call("schema", "NXmx", "--all").exit_code == 2
    assert call("schema", "nowhere.nxdl.xml").exit_code == 66
    (tmp_path / "bad.nxdl.xml").write_text("<definition")
    assert call("schema", "bad.nxdl.xml").exit_code == 65


def test_a_strangers_definition_cannot_command_the_terminal(call: Call, tmp_path: Path) -> None:
    text = (SCHEMAS / "NXspecptycho_frc.nxdl.xml").read_text("utf-8").replace("What a person", "\u009b31mWhat a person")
    (tmp_path / "bad.nxdl.xml").write_text(text, "utf-8")
    found = call("schema", "bad.nxdl.xml").stdout
    assert "\\x9b31mWhat a person" in found
    assert "\x9b" not in found
