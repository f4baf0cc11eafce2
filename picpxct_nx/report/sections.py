"""Sections of a report as HTML; every text that comes from a file is escaped here."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from picpxct_nx.images.frc_threshold import length_text
from picpxct_nx.records import FrcCurve, GrainMap
from picpxct_nx.report.cards import Card
from picpxct_nx.report.gather import Gathered, done, waiting
from picpxct_nx.report.grain_pictures import composite
from picpxct_nx.report.limits import State
from picpxct_nx.report.payload import signal_range
from picpxct_nx.report.pixels import png
from picpxct_nx.report.verdict import Tile, misfit_limit, worst

_SIGN = {"good": "✓", "look": "!", "bad": "✗", "open": "–"}
_WORD = {"good": "good", "look": "look", "bad": "bad", "open": "no limit"}
_CHART = '<div class="chart" id="{id}"></div>'


def section(name: str, heading: str, *parts: str) -> str:
    """A section with its heading."""
    return f'<section id="{name}">\n<h2>{escape(heading)}</h2>\n' + "\n".join(filter(None, parts)) + "\n</section>"


def figure(caption: str, inner: str, more: str = "", kind: str = "") -> str:
    """A figure with its caption above."""
    shape = f' class="{kind}"' if kind else ""
    return f"<figure{shape}><figcaption>{escape(caption)}</figcaption>{inner}{more}</figure>"


def verdict(row: Sequence[Tile]) -> str:
    """The figures that decide, large."""
    inner = "\n".join(
        f'<div class="tile {t.state}"><div class="top"><span>{escape(t.name)}</span>'
        f"<span>{_SIGN[t.state]} {_WORD[t.state]}</span></div>"
        f'<div class="value n{_width(t)}">{escape(t.value)}<small>{escape(t.unit)}</small></div>'
        f'<div class="wanted">{escape(t.wanted)}</div><div class="detail">{escape(t.detail)}</div></div>'
        for t in row
    )
    return f'<section id="verdict" class="verdict" data-state="{worst(row)}">\n{inner}\n</section>' if row else ""


def _width(tile: Tile) -> int:
    """Letters of a value, those of its unit counting less: what its size follows, so that nothing is cut off."""
    return int(np.clip(np.ceil(len(tile.value) + 0.75 * len(tile.unit)), 4, 12))


def stack(quantities: Sequence[Mapping[str, Any]]) -> str:
    """The spectral stack: slider, images, spectrum."""
    if not quantities:
        return ""
    options = "".join(f'<option value="{i}">{escape(q["name"])}</option>' for i, q in enumerate(quantities))
    return section(
        "stack", "Spectral stack",
        f'<div class="controls"><label class="slide"><span class="reading" id="energy-text"></span>'
        f'<input type="range" id="energy" min="0" value="0" step="1" aria-label="photon energy"></label>'
        f'<button type="button" id="play">Play</button>'
        f'<label>show <select id="quantity">{options}</select></label>'
        f'<label><input type="checkbox" id="stretch"> contrast of this energy</label>'
        f'<label><input type="checkbox" id="outlines" checked> outlines of grains</label></div>',
        '<div class="row" id="images"></div>', '<div class="scale" id="stack-ramp"></div>',
        '<p class="soft" id="stack-note"></p>', '<h3 id="spectrum-title">Spectrum</h3>',
        '<div class="row charts"><figure><div class="chart" id="spectrum"></div></figure></div>',
    )  # fmt: skip


def scans(cards: Sequence[Card]) -> str:
    """Pictures of one scan, chosen from all."""
    if not cards:
        return ""
    options = "".join(f"<option>{escape(card.entry)}</option>" for card in cards)
    pictures = "".join(
        figure(
            name,
            f'<img class="picture" id="{key}" alt="{key} of the object">',
            f'<div class="scale" id="{key}-bar"></div><div class="scale" id="{key}-ramp"></div>',
        )
        for key, name in (("phase", "phase"), ("modulus", "amplitude"))
    )
    charts = figure("convergence", _CHART.format(id="convergence")) + figure(
        "positions", _CHART.format(id="positions"), '<p class="soft" id="positions-note"></p>'
    )
    return section(
        "scans", "Images of a scan",
        f'<div class="controls"><label>scan <select id="scan">{options}</select></label></div>',
        '<p class="soft" id="scan-title"></p>',
        f'<div class="row">{pictures}</div>',
        "<p class=\"soft\">Scale and ramp of the phase are taken off on the rim for these pictures only. "
        "All scans are on one scale.</p>",
        '<h3>Probe</h3><div class="row" id="modes"></div>', f'<div class="row charts">{charts}</div>',
    )  # fmt: skip


def resolution(curves: Sequence[FrcCurve], halves: Sequence[Card]) -> str:
    """Ring correlations, each with the resolution in words."""
    if not curves and not halves:
        return ""
    texts = [(f"{c.title} ({c.image})", words_of(c)) for c in curves]
    texts += [(f"Halves of {card.entry} ({card.halves_name})", halves_words(card)) for card in halves]
    inner = "".join(
        figure(title, _CHART.format(id=f"frc-{i}"), f"<p>{escape(text)}</p>") for i, (title, text) in enumerate(texts)
    )
    return section("frc", "Fourier ring correlation", f'<div class="row charts">{inner}</div>')


def words_of(curve: FrcCurve) -> str:
    """The resolution that a curve says, in words."""
    terms = f"by the {curve.threshold_name} threshold on the {curve.image} image"
    if curve.half_period is None:
        reason = curve.unresolved or "no crossing"
        text = f"The resolution is not established {terms}: {reason}."
        if float(curve.correlation[-1]) > float(curve.threshold[-1]):
            text = (
                f"The two images agree in every ring {terms}: the resolution is finer than the half period of one "
                f"pixel, {length_text(curve.pixel_size)}."
            )
    else:
        sigma = curve.smoothed_half_period_sigma
        more = f" Smoothed: {length_text(curve.smoothed_half_period)}" if curve.smoothed_half_period else ""
        more += f" ± {length_text(sigma)}." if more and sigma else "." if more else ""
        full = length_text(curve.full_period or 2 * curve.half_period)
        text = (
            f"The two images agree down to details of {length_text(curve.half_period)} (half period; full period "
            f"{full}) {terms}; a pixel is {length_text(curve.pixel_size)}.{more}"
        )
    warnings = [] if curve.warnings is None else [str(w) for w in curve.warnings]
    return " ".join([text, *(f"Warning: {w}." for w in warnings)])


def halves_words(card: Card) -> str:
    """The resolution that the halves of a scan say, in words."""
    if card.half_period is None:
        return "The halves do not cross the threshold within the pixel: the pixel sets the resolution."
    return (
        f"Odd and even frames agree down to details of {length_text(card.half_period)} (half period, corrected to "
        f"all frames); a pixel is {length_text(card.full[1])}."
    )


_COLUMNS = (
    ("grain", "grain_id", 1.0, 0), ("area (µm²)", "area", 1e12, 3), ("diameter (µm)", "equivalent_diameter", 1e6, 2),
    ("axis (°)", "mean_orientation", float(np.rad2deg(1)), 1),
    ("± (°)", "mean_orientation_errors", float(np.rad2deg(1)), 1),
    ("spread (°)", "orientation_spread", float(np.rad2deg(1)), 1), ("thickness (µm)", "mean_thickness", 1e6, 2),
    ("x (µm)", "centroid_x", 1e6, 2), ("y (µm)", "centroid_y", 1e6, 2),
)  # fmt: skip


def grains(maps: Iterable[GrainMap]) -> str:
    """Grain maps with their tables."""
    return "\n".join(_grain_map(i, record) for i, record in enumerate(maps))


def _grain_map(i: int, record: GrainMap) -> str:
    low, high = signal_range(record)
    pair = ", ".join(f"{angle:.1f}°" for angle in np.rad2deg(record.polarization_angle))
    bar = '<div class="scale" id="{}-bar-' + str(i) + '"></div>'
    pictures = figure(
        "pre-edge signal of the two polarisations: cyan and magenta",
        f'<canvas class="picture" id="composite-{i}"></canvas>',
        bar.format("composite") + '<p class="soft">Cyan: strong for the polarisation nearest to x; magenta: for the '
        f"one across it; white: both; dark: neither. Dark is {low:.2g}, bright {high:.2g}.</p>",
    )  # fmt: skip
    pictures += figure(
        "signal at each polarisation",
        f'<img class="picture" src="{_two_colours()}" alt="cyan to the right, magenta up">',
        f'<p class="soft">right: {low:.2g} to {high:.2g} at the first, up: the same at the second</p>', "small",
    )  # fmt: skip
    if not record.mirror_ambiguous:
        pictures += figure(
            "direction of the crystal axis, from x towards y", f'<canvas class="picture" id="direction-{i}"></canvas>',
            bar.format("direction") + f'<div class="scale" id="direction-ramp-{i}"></div>'
            '<p class="soft">A cyclic scale: 0° and 180° are the same.</p>',
        )  # fmt: skip
    ambiguous = "Two polarisations cannot tell an axis from its mirror image. " if record.mirror_ambiguous else ""
    heads = [(h, np.asarray(getattr(record, a)) * f, d) for h, a, f, d in _COLUMNS if getattr(record, a) is not None]
    rows = "".join(
        f'<tr data-grain="{int(number)}" tabindex="0">'
        + "".join(f"<td>{_fixed(values[row], digits)}</td>" for _, values, digits in heads) + "</tr>"
        for row, number in enumerate(record.grain_id)
    )  # fmt: skip
    head = "".join(f"<th>{escape(name)}</th>" for name, _, _ in heads)
    return section(
        f"grains-{i}", "Grains",
        f"<p>{len(record.grain_id)} grains on {float(np.sum(record.area)) * 1e12:.2f} µm²; signal "
        f"{escape(record.signal_name)}, polarisations {pair}. {ambiguous}"
        "A click on a row shows the spectrum of the grain.</p>",
        f'<div class="row">{pictures}</div>',
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>',
    )  # fmt: skip


def _two_colours() -> str:
    scale = np.linspace(0, 1, 64)
    return png(composite(scale[None, :].repeat(64, 0), scale[:, None].repeat(64, 1), "cyan-magenta"))


def _fixed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


def shifts(gathered: Gathered) -> str:
    """How far images and polarisations were moved."""
    parts = []
    for i, (entry, found) in enumerate(gathered.shifts.items()):
        charts = "".join(figure(f"{entry}: along {a}", _CHART.format(id=f"shift-{i}-{a}")) for a in "yx")
        lines = "".join(f"<p>{escape(text[:1].upper() + text[1:])}.</p>" for text in found.registration)
        parts.append(f'<div class="row charts">{charts}</div>{lines}')
    return section("shifts", "Shifts", *parts) if parts else ""


def scan_state(card: Card, gathered: Gathered, drift: float | None) -> tuple[State, float]:
    """State of a scan, and how far it is over its limits (1 is at the limit)."""
    limits = gathered.limits
    pairs = ((card.misfit, misfit_limit(gathered)), (card.half_period, limits.half_period), (drift, limits.drift))
    ratios = [value / limit for value, limit in pairs if value is not None and limit]
    if card.failed:
        return "bad", np.inf
    if not ratios:
        return "open", 0.0
    return limits.judge(max(ratios), 1.0), max(ratios)


def table(gathered: Gathered, drift: Mapping[str, float]) -> str:
    """All scans, the worst first."""
    cards = done(gathered)
    if not cards and not gathered.plans and not gathered.failures:
        return ""
    rows = []
    for card in sorted(cards, key=lambda c: (-scan_state(c, gathered, drift.get(c.entry))[1], c.entry)):
        state, _ = scan_state(card, gathered, drift.get(card.entry))
        away = drift.get(card.entry)
        cells = [
            card.entry, f"{card.energy_ev:.1f}", f"{np.rad2deg(card.angle):.1f}",
            "–" if card.half_period is None else f"{card.half_period * 1e9:.1f}",
            "–" if card.misfit is None else f"{card.misfit:.4f}",
            "–" if card.phase_sigma is None else f"{card.phase_sigma:.4f}",
            "–" if away is None else f"{away * 1e9:.0f}", str(card.error.size), card.status or "–",
        ]  # fmt: skip
        rows.append(_row(cells, state, f' data-scan="{escape(card.entry)}" tabindex="0"'))
    for plan in waiting(gathered):
        rest = [plan.entry, f"{plan.energy_ev:.1f}", f"{np.rad2deg(plan.angle):.1f}", *["–"] * 5, "to do"]
        rows.append(_row(rest, "open"))
    rows = [_row([entry, *["–"] * 7, why[:120]], "bad") for entry, why in gathered.failures.items()] + rows
    heads = ("scan", "energy (eV)", "E in sample (°)", "half period (nm)", "Fourier error", "phase σ (rad)",
             "drift (nm)", "iterations", "status", "verdict")  # fmt: skip
    head = "".join(f"<th>{h}</th>" for h in heads)
    return section(
        "table", "Scans, the worst first", '<p class="soft">A click on a row shows its images.</p>',
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>',
    )  # fmt: skip


def _row(cells: Sequence[str], state: State, more: str = "") -> str:
    inner = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr{more}>{inner}<td><span class="badge {state}">{_SIGN[state]} {_WORD[state]}</span></td></tr>'


def navigation(body: str) -> str:
    """Links to the sections that are there."""
    names = (("stack", "Stack"), ("scans", "Images"), ("frc", "Resolution"), ("grains-0", "Grains"),
             ("measured", "Spectra"), ("shifts", "Shifts"), ("dose", "Dose"), ("table", "Scans"),
             ("provenance", "Provenance"))  # fmt: skip
    links = "".join(f'<a href="#{name}">{text}</a>' for name, text in names if f'<section id="{name}"' in body)
    return f"<nav>{links}</nav>"
