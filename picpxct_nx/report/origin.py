"""Where the data of a report are from: commands that redo scans, and the steps of every history."""

from collections import Counter
from collections.abc import Sequence
from html import escape

import numpy as np

from picpxct_nx.provenance import Step
from picpxct_nx.report.cards import Card
from picpxct_nx.report.gather import Gathered, done
from picpxct_nx.report.redo import SCAN
from picpxct_nx.report.sections import scan_state, section
from picpxct_nx.values import Value


def provenance(gathered: Gathered, limits: str) -> str:
    """The section of provenance: commands first, then what is in the files and how it came about."""
    return section("provenance", "Provenance", redo(gathered), limits, _files(gathered), _steps(gathered))


def redo(gathered: Gathered) -> str:
    """The exact command of every scan; those of scans that are not good are open, the worst first."""
    cards = done(gathered)
    # To reconstruct again does not help against drift.
    judged = [(card, *scan_state(card, gathered, None)) for card in cards]
    poor = sorted((j for j in judged if j[1] in ("look", "bad")), key=lambda j: -j[2])
    rest = [j[0] for j in judged if j[1] not in ("look", "bad")]
    parts = ["<h3>To reconstruct a scan again</h3>"] if cards else []
    if cards and any(SCAN in card.redo for card in cards):
        parts.append('<p class="soft">SCAN.nxs stands for the raw scan, which was not given to this report; its UUID '
                     "is below each command.</p>")  # fmt: skip
    parts += [f"<p>{escape(card.entry)} ({state}):</p>{_command(card)}" for card, state, _ in poor]
    if rest:
        inner = "".join(f"<p>{escape(card.entry)}:</p>{_command(card)}" for card in rest)
        parts.append(f"<details><summary>Commands of the {len(rest)} other scans</summary>{inner}</details>")
    return "\n".join(parts)


def _command(card: Card) -> str:
    name = "redo-" + "".join(c if c.isalnum() else "-" for c in f"{card.entry}-{card.uuid}")
    warm = "It began with its neighbour in energy; alone it begins anew and comes out a little different. "
    note = warm if card.warm else ""
    sources = ", ".join(card.source)
    note += f"Raw scan {sources}." if SCAN in card.redo and sources else ""
    if not card.redo:
        return '<p class="soft">Its history names no reconstruction.</p>'
    return (
        f'<pre id="{name}">{escape(card.redo)}</pre><button type="button" data-copy="{name}">Copy</button>'
        f'<p class="soft">{escape(note)}</p>'
    )


def _files(gathered: Gathered) -> str:
    rows = "".join(
        f"<tr><td>{escape(file)}</td><td>{escape(record.entry)}</td><td>{escape(kind.removeprefix('NXspecptycho_'))}</td>"
        f"<td>{escape(record.uuid)}</td></tr>"
        for file, kind, record in gathered.records
    )
    head = "".join(f"<th>{name}</th>" for name in ("file", "entry", "kind", "UUID"))
    return (
        f"<details><summary>{len(gathered.records)} entries in this report</summary>"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></details>'
    )


def _steps(gathered: Gathered) -> str:
    """Every command that ran, once, with the parameters that all its runs share."""
    seen: dict[tuple[str | None, str], Step] = {}
    for _, _, record in gathered.records:
        for past in record.history:
            # The newest step does not name its product, which is the record.
            seen.setdefault((past.output_uuid or record.uuid, past.command), past)
    groups: dict[str, list[Step]] = {}
    for past in seen.values():
        groups.setdefault(past.command, []).append(past)
    return "<h3>How it was made</h3>" + "".join(map(_group, groups.values())) if groups else ""


def _group(steps: Sequence[Step]) -> str:
    first = steps[0]
    programs = ", ".join(sorted({f"{s.program} {s.version}" for s in steps}))
    dates = sorted(s.date[:16].replace("T", " ") for s in steps)
    when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    names = sorted({name for s in steps for name in s.parameters if not name.endswith("@units")})
    lines = []
    for name in names:
        found = Counter(_text(s.parameters.get(name)) for s in steps)
        unit = _text(first.parameters.get(f"{name}@units", ""))
        value = f"{next(iter(found))} {unit}".strip() if len(found) == 1 else f"({len(found)} values)"
        lines.append(f"{name} = {value}")
    times = "" if len(steps) == 1 else f" × {len(steps)}"
    return (
        f"<details><summary><b>{escape(first.command)}</b>{times}, {escape(programs)}, {escape(when)}</summary>"
        f"<pre>{escape(chr(10).join(lines))}</pre></details>"
    )


def _text(value: Value | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    array = np.asarray(value)
    if array.size > 8:
        return f"array {array.shape}"
    return ", ".join(f"{item:.6g}" if isinstance(item, float) else str(item) for item in array.ravel().tolist())
