"""The registry: each format says what it is and lacks, and knows its own files and no others."""

from picpxct_nx.formats import registry


def test_names_are_unique_and_every_format_says_what_it_cannot_carry() -> None:
    names = [each.name for each in registry.FORMATS]
    assert len(set(names)) == len(names)
    for row in registry.facts():
        assert row["about"]
        assert row["lacks"]
