"""Dose maps and spectra that were measured without an image, as a page shows them: values for the script, and HTML."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from picpxct_nx.records import DoseMap, Spectrum
from picpxct_nx.report.pixels import binned, coded, factor_for, plain, png

# Longest side of the picture of a dose map, in pixels.
_SIDE = 384
_BARS = '<div class="scale" id="dose-bar-{i}"></div><div class="scale" id="dose-ramp-{i}"></div>'


def dose_values(record: DoseMap) -> dict[str, Any]:
    """The picture of a dose map from nothing to its largest dose, and its width in m."""
    dose = np.asarray(record.dose, np.float64)
    high = float(np.nanmax(dose, initial=0.0))
    scale, unit = _unit(high)
    image = coded(binned(dose, factor_for(dose.shape, _SIDE)), 0.0, high)
    width = abs(float(record.x[-1]) - float(record.x[0])) * len(record.x) / max(1, len(record.x) - 1)
    return {"image": png(image, "magma"), "width": width, "high": image.high / scale, "unit": unit}


def _unit(dose: float) -> tuple[float, str]:
    """Gray in the unit that suits a dose, and the unit."""
    return next(((s, u) for s, u in ((1e6, "MGy"), (1e3, "kGy")) if dose >= s), (1.0, "Gy"))


def spectrum_values(record: Spectrum) -> dict[str, Any]:
    """The curve of a measured spectrum."""
    label = "absorption, edge step 1" if record.normalized else "absorption"
    return {"e": plain(record.energy_ev, 8), "a": plain(record.absorption, 5), "name": record.mode, "label": label}


def doses(maps: Sequence[DoseMap]) -> str:
    """Dose maps, each with its mean and largest dose in words."""
    found = []
    for i, record in enumerate(maps):
        scans = f"{len(record.scan)} scan{'s' * (len(record.scan) != 1)}"
        scale, unit = _unit(record.maximum_dose)
        text = f"{scans}; mean {record.mean_dose / scale:.3g} {unit}, largest {record.maximum_dose / scale:.3g} {unit}."
        picture = f'<img class="picture" id="dose-{i}" alt="dose at the surface">{_BARS.format(i=i)}'
        found.append(
            f"<figure><figcaption>{escape(record.title)}</figcaption>{picture}"
            f'<p class="soft">{escape(" ".join([text, *_warnings(record)]))}</p></figure>'
        )
    return _section("dose", "Dose", f'<div class="row">{"".join(found)}</div>') if found else ""


def _warnings(record: DoseMap) -> list[str]:
    return [] if record.warnings is None else [f"Warning: {text}." for text in record.warnings]


def spectra(records: Sequence[Spectrum]) -> str:
    """Measured spectra, each as a chart."""
    found = [
        f"<figure><figcaption>{escape(record.title)}: {escape(record.element)} {escape(record.edge)} edge of "
        f'{escape(record.sample)}</figcaption><div class="chart" id="measured-{i}"></div></figure>'
        for i, record in enumerate(records)
    ]
    return _section("measured", "Measured spectra", f'<div class="row charts">{"".join(found)}</div>') if found else ""


def _section(name: str, heading: str, inner: str) -> str:
    return f'<section id="{name}">\n<h2>{escape(heading)}</h2>\n{inner}\n</section>'
