"""One page that holds everything: HTML, style, script and data, and needs nothing else."""

import base64
import hashlib
import json
import re
from datetime import datetime
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from picpxct_nx import __version__
from picpxct_nx.images.frc_threshold import length_text
from picpxct_nx.provenance import now
from picpxct_nx.report import origin, others, sections
from picpxct_nx.report.drift import drifts
from picpxct_nx.report.gather import Gathered, done
from picpxct_nx.report.limits import Limits
from picpxct_nx.report.payload import payload, shown_halves
from picpxct_nx.report.verdict import tiles

_SCRIPTS = ("chart.js", "picture.js", "report.js")
# A live page loads itself again after this time, and is taken for dead after that, seconds.
LIVE_EVERY, LIVE_STALE = 10, 900


def page(gathered: Gathered, *, live: bool = False) -> str:
    """The report as one HTML file.

    Nothing is fetched: the policy of the page forbids every request, and lets run the one script and the one style that
    it carries, known by their digests. Texts from the files are escaped.

    Parameters
    ----------
    gathered : Gathered
        What the records hold.
    live : bool
        The page loads itself again, and says when it was written.
    """
    moved = drifts(list(gathered.cards.values())) if gathered.cards else {}
    drift = {entry: float(np.hypot(*shift)) for entry, shift in moved.items()}
    told = payload(gathered)
    if live:
        told.values["live"] = {"every": LIVE_EVERY, "stale": LIVE_STALE, "written": now()}
    cards = done(gathered)
    row = tiles(gathered, moved)
    body = "\n".join(filter(None, (
        sections.verdict(row), sections.stack(told.values["stacks"]), sections.scans(cards),
        sections.resolution(list(gathered.curves.values()), shown_halves(cards)),
        sections.grains(gathered.grains.values()), others.spectra(list(gathered.spectra.values())),
        sections.shifts(gathered), others.doses(list(gathered.doses.values())), sections.table(gathered, drift),
        origin.provenance(gathered, _limits(gathered.limits)), _notes(told.notes),
    )))  # fmt: skip
    style, script = _template("report.css"), _script()
    return _filled(_template("report.html"), {
        "policy": _policy(script, style), "version": escape(__version__), "title": escape(_title(gathered)),
        "subtitle": escape(_subtitle(gathered)), "style": style, "live": _live() if live else "",
        "body": sections.navigation(body) + body, "data": _data(told.values), "script": script,
    })  # fmt: skip


def summary(gathered: Gathered) -> dict[str, Any]:
    """What `--json` prints: the figures of the verdict."""
    moved = drifts(list(gathered.cards.values())) if gathered.cards else {}
    return {"title": _title(gathered), "verdict": [vars(tile) for tile in tiles(gathered, moved)]}


def sentence(row: list[dict[str, str]]) -> str:
    """The verdict in one line, for the terminal."""
    if not row:
        return "no verdict, which scans, reconstructions, cubes and the like have"
    return ", ".join(f"{t['name'].lower()} {t['value']} {t['unit']}".strip() + f" ({t['state']})" for t in row)


def _template(name: str) -> str:
    return files("picpxct_nx.report").joinpath("templates", name).read_text("utf-8")


def _script() -> str:
    return "(() => {\n'use strict';\n" + "\n".join(map(_template, _SCRIPTS)) + "})();\n"


def _filled(text: str, values: dict[str, str]) -> str:
    """A template with its places filled in one pass, so that what is filled in is not looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda place: values[place[1]], text)


def _policy(script: str, style: str) -> str:
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style)]
    return (
        f"default-src 'none'; script-src 'sha256-{digests[0]}'; style-src 'sha256-{digests[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _data(values: dict[str, Any]) -> str:
    # Nothing in a JSON text can end the element that it stands in.
    text = json.dumps(values, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _title(gathered: Gathered) -> str:
    titles = [card.sample for card in gathered.cards.values()]
    titles += [stack.title for stack in gathered.stacks.values()] + [g.title for g in gathered.grains.values()]
    titles += [curve.title for curve in gathered.curves.values()] + [plan.entry for plan in gathered.plans.values()]
    titles += [record.title for record in (*gathered.doses.values(), *gathered.spectra.values())]
    return titles[0] if titles else "Nothing yet"


def _subtitle(gathered: Gathered) -> str:
    energies = [card.energy_ev for card in gathered.cards.values()]
    energies += [energy for stack in gathered.stacks.values() for energy in stack.energies_ev.tolist()]
    ends = sorted({f"{energy:.1f}" for energy in (min(energies), max(energies))}) if energies else []
    parts = [f"{' to '.join(ends)} eV"] if ends else []
    parts.append(f"written {datetime.fromisoformat(now()):%Y-%m-%d %H:%M:%S %Z} by picpxct_nx {__version__}")
    return "; ".join(parts)


def _live() -> str:
    return (
        '<p class="live" id="live">Live: written <b id="age">just now</b>; the page loads itself again every '
        f'{LIVE_EVERY} s. <label><input type="checkbox" id="pause"> pause</label></p>'
    )


def _limits(limits: Limits) -> str:
    values = {
        "half_period": None if limits.half_period is None else length_text(limits.half_period),
        "drift": None if limits.drift is None else length_text(limits.drift),
        "fourier_error": None if limits.fourier_error is None else f"{limits.fourier_error:g}",
        "misfit_ratio": f"{limits.misfit_ratio:g}", "margin": f"{limits.margin:g}",
        "dose": None if limits.dose is None else f"{limits.dose:g} Gy",
        "energies": f"{len(limits.energies_ev)} planned" if limits.energies_ev else None,
    }  # fmt: skip
    name = {"energies": "energies_ev"}
    lines = [f"{k} = {v} ({limits.origin(name.get(k, k))})" for k, v in values.items() if v is not None]
    text = (
        "A value up to its limit is good, up to margin times the limit worth a look, beyond it bad. Limits come from "
        "the group targets of the files, or from --set."
    )
    shown = escape("\n".join(lines))
    return f"<details><summary>Limits of the verdict</summary><p>{text}</p><pre>{shown}</pre></details>"


def _notes(notes: list[str]) -> str:
    return "".join(f'<p class="soft">{escape(note)}</p>' for note in notes)
