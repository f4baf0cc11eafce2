"""The list of foreign formats says which way each goes and what it cannot carry."""

import json

from picpxct_nx.formats import registry

from .conftest import Call


def test_every_format_is_listed_with_what_it_cannot_carry(call: Call) -> None:
    told = call("formats").stdout
    rows = [json.loads(line) for line in call("formats", "--json").stdout.splitlines()]
    assert [row["format"] for row in rows if row["direction"] == "import"] == [each.name for each in registry.FORMATS]
    for row in rows:
        assert f"{row['format']} ({row['direction']}" in told
        assert row["lacks"]
