"""The documents of a deposit: everything below `data/` that is not one of the files that were given."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from picpxct_nx import nexus, nxdl
from picpxct_nx.deposit import citation, crate, datacite, preview, scicat, software
from picpxct_nx.deposit.crate import Stored
from picpxct_nx.deposit.planning import Plan
from picpxct_nx.deposit.preview import Picture, Story
from picpxct_nx.deposit.survey import Holding
from picpxct_nx.deposit.transfer import Sum
from picpxct_nx.report.thumbnails import draw

# Pictures of at most so many files; of each kind of file the first ones.
_PICTURES, _PICTURES_OF_KIND = 12, 2

Documents = dict[str, bytes]


def compose(plan: Plan, sums: Mapping[str, Sum], commands: Mapping[str, str]) -> Documents:
    """Every document by its path below `data/`.

    Parameters
    ----------
    plan : Plan
    sums : mapping
        Length and hash of the files that were given, by their path below `data/`.
    commands : mapping
        Command line of an action by its output.
    """
    made: Documents = {}
    about: dict[str, str] = {}

    def add(name: str, content: bytes | str, sentence: str) -> None:
        made[name] = content.encode() if isinstance(content, str) else content
        about[name] = sentence

    for name in sorted({held.definition for holding in plan.holdings for held in holding.entries}):
        data = resources("picpxct_nx.schemas").joinpath(f"{name}.nxdl.xml").read_bytes()
        add(f"schemas/{name}.nxdl.xml", data, f"NXDL of {name} {nxdl.definition(name).version}: names, types, units")
    add("software/versions.json", _json(software.as_json()), "exact software versions")
    add("software/requirements.txt", software.requirements(), "the same, for pip install -r")
    size = sum(one.size for one in sums.values())
    record = datacite.record(plan.metadata, plan.lineage, size)
    add("datacite.json", _json(record), "metadata for a DOI, DataCite 4.5")
    add("datacite.xml", datacite.to_xml(record), "the same as XML, DataCite kernel 4")
    add("CITATION.cff", citation.citation(plan.metadata), "how to cite this deposit")
    for kind, document in scicat.datasets(plan.metadata, plan.lineage, plan.files()).items():
        add(f"scicat/{kind}/metadata.json", _json(document), f"metadata of the {kind} data set for SciCat")
    add("checks.json", _json(_checks(plan)), "verdict of the strict validation when the deposit was made")
    if commands:
        script = reproduce(plan, commands)
        add("reproduce.sh", script, "the recorded commands as a shell script")
    pictures = []
    for picture, content in _pictures(plan):
        add(picture.name, content, picture.sentence)
        pictures.append(picture)
    given = [Stored(h.archived, sums[h.archived].size, sums[h.archived].sha256, _about(h), h) for h in plan.holdings]
    for name, text in preview.mentioned(Story(plan.metadata, plan.lineage, given, pictures)).items():
        add(name, text, "this deposit for a person to read")
    stored = [*given, *(_stored(name, content, about[name]) for name, content in sorted(made.items()))]
    made[crate.DESCRIPTOR] = _json(crate.crate(plan.metadata, plan.lineage, stored, commands)).encode()
    return made


def _stored(name: str, content: bytes, sentence: str) -> Stored:
    return Stored(name, len(content), hashlib.sha256(content).hexdigest(), sentence)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _about(holding: Holding) -> str:
    if not holding.entries:
        return "a file that a recorded command read"
    first, *others = holding.entries
    return f"{first.title}, and {len(others)} more entries" if others else first.title


def _checks(plan: Plan) -> dict[str, Any]:
    return {
        "files": [h.report.as_json() for h in plan.holdings if h.report is not None],
        "warnings": [{"place": f.place, "code": f.code, "message": f.message} for f in plan.warnings],
    }


def reproduce(plan: Plan, commands: Mapping[str, str]) -> str:
    """The recorded commands in an order in which they can be run, as a shell script that says what it cannot tell."""
    lines = [
        "#!/usr/bin/env bash",
        "# The commands that made these products, from the raw files on, as their histories tell. Each product is",
        "# written under its UUID. 'picpxct rerun FILE --inputs raw/' does the same and compares the arrays.",
        "set -euo pipefail",
        'cd "$(dirname "$0")"',
        "mkdir rerun",
    ]
    lines += list(dict.fromkeys(commands[a.output] for a in plan.lineage.ordered if a.output in commands))
    return "\n".join(lines) + "\n"


def _pictures(plan: Plan) -> Iterator[tuple[Picture, bytes]]:
    """Pictures of the first entry of the first files of each kind, products first."""
    counts: dict[str, int] = {}
    chosen: list[Holding] = []
    for holding in sorted((h for h in plan.holdings if h.entries), key=lambda h: (h.kind, h.name)):
        kind = holding.entries[0].definition
        if counts.setdefault(kind, 0) < _PICTURES_OF_KIND and len(chosen) < _PICTURES:
            counts[kind] += 1
            chosen.append(holding)
    with tempfile.TemporaryDirectory() as folder:
        for holding in chosen:
            with nexus.open_valid(holding.path, holding.name) as file:
                record = nexus.read(file, holding.entries[0].entry)
                path = Path(folder) / f"{holding.path.stem}.png"
                sentence = draw(record, path)
            yield Picture(f"pictures/{holding.kind}_{path.name}", holding.archived, sentence), path.read_bytes()
