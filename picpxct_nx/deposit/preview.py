"""What a person reads first: README.md, and the same as a page with pictures, ro-crate-preview.html."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from picpxct_nx import __version__
from picpxct_nx.deposit import citation, terms
from picpxct_nx.deposit.crate import Stored
from picpxct_nx.deposit.lineage import Lineage, notes
from picpxct_nx.deposit.metadata import Institution, Metadata, Named, Person
from picpxct_nx.deposit.survey import Holding, times

PAGE, README = "ro-crate-preview.html", "README.md"


@dataclass(frozen=True)
class Picture:
    """A picture of a file of the deposit: its own name, that of the file, and what is seen."""

    name: str
    of: str
    sentence: str


@dataclass(frozen=True)
class Story:
    """All that a preview tells."""

    metadata: Metadata
    lineage: Lineage
    files: Sequence[Stored]
    pictures: Sequence[Picture]

    def table(self) -> list[tuple[str, str, str, str]]:
        """Path, kind, contents and size of every file that was given."""
        return [
            (one.name, _kind(one.holding), _contents(one.holding), size(one.size))
            for one in self.files
            if one.holding is not None
        ]

    def steps(self) -> list[tuple[str, str, str, str]]:
        """Commands in the order in which they were run: name, how often, with which program, what is kept of them."""
        rows: dict[tuple[str, str], list[str]] = {}
        for action in self.lineage.ordered:
            step = action.step
            rows.setdefault((step.command, f"{step.program} {step.version}"), []).append(action.output)
        order = sorted(rows, key=lambda key: _depth(self.lineage, rows[key]))
        return [(command, str(len(rows[command, by])), by, self._kept(rows[command, by])) for command, by in order]

    def _kept(self, outputs: Sequence[str]) -> str:
        kept = sum(output in self.lineage.held for output in outputs)
        if kept == len(outputs):
            return "all in this deposit"
        return f"{kept} in this deposit, the others described" if kept else "described only"

    def facts(self) -> list[tuple[str, str]]:
        """Name and value of what is known of the whole."""
        made = self.metadata
        span = times(held for _, held in self.lineage.held.values())
        rows = [
            ("Licence", f"{terms.LICENCES[made.licence][0]} ({made.licence})"),
            ("Published", f"{made.date}, {made.publisher.name}"),
            ("DOI", made.doi.url if made.doi else ""),
            ("Measured", " to ".join(dict.fromkeys(day[:10] for day in span)) if span else ""),
            ("Techniques", ", ".join(f"{terms.TECHNIQUES[term]} ({term})" for term in made.techniques)),
            ("Samples", "; ".join(map(_thing, made.samples))),
            ("Instruments", "; ".join(map(_thing, made.instruments))),
            ("Facility", made.facility.name if made.facility else ""),
            ("Proposal", made.proposal or ""),
            ("Funding", "; ".join(" ".join(filter(None, (f.funder.name, f.number, f.title))) for f in made.funding)),
            ("Related", "; ".join(f"{one.relation} {one.pid.url}" for one in made.related)),
            ("Keywords", ", ".join(made.keywords)),
        ]
        return [(name, text) for name, text in rows if text]


def _depth(lineage: Lineage, outputs: Iterable[str]) -> int:
    places = {action.output: place for place, action in enumerate(lineage.ordered)}
    return max(places[output] for output in outputs)


def _kind(holding: Holding | None) -> str:
    return holding.kind if holding else ""


def _contents(holding: Holding | None) -> str:
    if holding is None or not holding.entries:
        return "input of a step"
    counts: dict[str, int] = {}
    for held in holding.entries:
        counts[held.definition] = counts.get(held.definition, 0) + 1
    first = holding.entries[0].title
    told = ", ".join(f"{count} x {name}" if count > 1 else name for name, count in sorted(counts.items()))
    return f"{told}: {first}" if len(holding.entries) == 1 else f"{told}; first {first}"


def _thing(one: Named) -> str:
    return f"{one.name} ({one.pid.url})" if one.pid else one.name


def size(count: int) -> str:
    """A length in bytes as people say it, in powers of ten."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{count} B" if unit == "B" else f"{value:.3g} {unit}"


_OPEN = """\
pip install picpxct_nx=={version}   # or what software/requirements.txt lists, which made these files
picpxct deposit --verify ..         # every hash, every file, every chain of this deposit
picpxct info {file}
"""
_AGAIN = "picpxct rerun {file} --inputs raw/  # runs the recorded chain again and compares\n"
_SCHEMA = (
    "Files are NeXus/HDF5; any HDF5 reader opens them, and h5web, NeXpy and silx show a picture at once. What every "
    "field means, its unit and its shape stand in the NXDL definitions in schemas/."
)
_AGENT = "The histories do not tell who typed the commands; the crate names the first creator as their agent."


def readme(story: Story) -> str:
    """The preview as Markdown."""
    made = story.metadata
    parts = [f"# {_line(made.title)}", made.description, "## Who and how to cite", _people_md(made.creators)]
    if made.contributors:
        parts.append("With " + "; ".join(f"{one.name} ({one.role})" for one in made.contributors) + ".")
    parts += [f"> {citation.plain(made)}", _rows_md(("", ""), story.facts())]
    parts += ["## Files", _rows_md(("file", "kind", "holds", "size"), story.table())]
    if story.pictures:
        parts.append("## Pictures")
        parts += [f"![{_line(one.sentence)}]({one.name})\n\n{one.of}: {one.sentence}." for one in story.pictures]
    parts += ["## How it was made", _rows_md(("command", "times", "program", "products"), story.steps())]
    parts += [f"- {note}" for note in notes(story.lineage)]
    parts += [_AGENT, "Every command with all its parameters and the hashes of its inputs: `ro-crate-metadata.json`."]
    parts += ["## How to open, check and run it again", _SCHEMA, f"```sh\n{_commands(story)}```"]
    return "\n\n".join(parts) + "\n"


def _commands(story: Story) -> str:
    products, raw = (
        [one.name for one in story.files if one.holding and one.holding.kind == kind] for kind in ("derived", "raw")
    )
    text = _OPEN.format(version=__version__, file=(products or raw)[-1])
    return text + (_AGAIN.format(file=products[-1]) if products else "")


def _line(text: str) -> str:
    return " ".join(text.split())


def _people_md(people: Sequence[Person]) -> str:
    rows = []
    for person in people:
        places = "; ".join(place.name for place in person.affiliations)
        rows.append(f"- {person.name}{f' ({person.orcid})' if person.orcid else ''}, {places}")
    return "\n".join(rows)


def _rows_md(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def cells(row: Sequence[str]) -> str:
        return "| " + " | ".join(_line(cell).replace("|", "\\|") for cell in row) + " |"

    return "\n".join([cells(head), "| " + " | ".join("---" for _ in head) + " |", *map(cells, rows)])


_STYLE = """\
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
h1{line-height:1.2}h2{margin-top:2.2rem;border-bottom:1px solid #8885}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #8883}th{font-weight:600}
td:last-child{white-space:nowrap}.facts td:last-child{white-space:normal}
.facts td:first-child{font-weight:600;white-space:nowrap}
.cite{border-left:4px solid #888;padding:.3rem 1rem;background:#8881}
figure{display:inline-block;margin:.5rem;width:19rem;vertical-align:top}
figure img{width:100%;background:#fff}figcaption{font-size:.85rem}pre{background:#8881;padding:.8rem;overflow-x:auto}
a{color:inherit}footer{margin-top:3rem;font-size:.85rem;opacity:.7}"""


def page(story: Story) -> str:
    """The preview as one page without scripts; pictures lie beside it."""
    made = story.metadata
    body = [
        f"<h1>{escape(made.title)}</h1>",
        *(f"<p>{escape(part)}</p>" for part in made.description.split("\n\n")),
        f"<p>{'; '.join(map(_person_html, made.creators))}</p>",
        f'<p class="cite">{escape(citation.plain(made))}</p>',
        _rows_html((), [(name, _linked(text)) for name, text in story.facts()], "facts"),
        "<h2>Files</h2>",
        _rows_html(("file", "kind", "holds", "size"), [_file_html(row) for row in story.table()]),
    ]
    if story.pictures:
        body += ["<h2>Pictures</h2>", *map(_picture_html, story.pictures)]
    steps = [tuple(map(escape, row)) for row in story.steps()]
    body += ["<h2>How it was made</h2>", _rows_html(("command", "times", "program", "products"), steps)]
    body += [f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in notes(story.lineage))}</ul>", f"<p>{_AGENT}</p>"]
    body += [
        "<p>Every command with all its parameters and the hashes of its inputs stands in "
        '<a href="ro-crate-metadata.json">'
        "ro-crate-metadata.json</a>.</p>",
        "<h2>How to open, check and run it again</h2>",
        f"<p>{escape(_SCHEMA)}</p>",
        f"<pre>{escape(_commands(story))}</pre>",
        f"<footer>Made by picpxct_nx {__version__}: RO-Crate 1.1, Process Run Crate 0.5, BagIt 1.0.</footer>",
    ]
    policy = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><title>{escape(made.title)}</title>'
        f"<style>{_STYLE}</style>"
    )
    text = "\n".join(body)
    start = f'<!doctype html>\n<html lang="{escape(made.language)}">\n<head>{head}</head>'
    return f"{start}\n<body>\n{text}\n</body>\n</html>\n"


def _person_html(person: Person) -> str:
    name = escape(person.name)
    if person.orcid:
        name = f'<a href="{escape(person.orcid)}">{name}</a>'
    return f"{name} ({', '.join(map(_place_html, person.affiliations))})" if person.affiliations else name


def _place_html(place: Institution) -> str:
    return f'<a href="{escape(place.page)}">{escape(place.name)}</a>' if place.page else escape(place.name)


def _linked(text: str) -> str:
    """Text with its addresses as links."""
    words = [
        f'<a href="{escape(word)}">{escape(word)}</a>' if word.startswith(("http://", "https://")) else escape(word)
        for word in text.replace("(http", "( http").replace(")", " )").split(" ")
    ]
    return " ".join(words).replace("( <a", "(<a").replace("</a> )", "</a>)").replace(" )", ")")


def _file_html(row: Sequence[str]) -> tuple[str, ...]:
    name, *rest = row
    return (f'<a href="{escape(name)}">{escape(name)}</a>', *map(escape, rest))


def _picture_html(one: Picture) -> str:
    words = f"{escape(one.of)}: {escape(one.sentence)}"
    return (
        f'<figure><img src="{escape(one.name)}" alt="{escape(one.sentence)}"><figcaption>{words}</figcaption></figure>'
    )


def _rows_html(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    top = f"<thead><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr></thead>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="{kind}">{top}<tbody>{body}</tbody></table>'


def mentioned(story: Story) -> Mapping[str, str]:
    """The two previews by name."""
    return {README: readme(story), PAGE: page(story)}
