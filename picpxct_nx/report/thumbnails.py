"""Small pictures of any record: what a stranger should see of a file before opening it."""

from pathlib import Path
from typing import Any

import numpy as np

from picpxct_nx.records import (
    DoseMap,
    FrcCurve,
    GrainMap,
    NormalizedCube,
    Reconstruction,
    Record,
    Scan,
    SpectralCube,
)
from picpxct_nx.report.grain_pictures import draw_grains
from picpxct_nx.report.pictures import _figure, draw_frc, flat_on_border, save
from picpxct_nx.values import Array

# A picture of a scan sums up this many of its frames.
_FRAMES = 24


def draw(record: Record, path: Path) -> str:
    """Draw a record, and say in one sentence what is seen."""
    if isinstance(record, FrcCurve):
        draw_frc(record, path)
        return "Fourier ring correlation with its threshold"
    if isinstance(record, GrainMap):
        draw_grains(record, "cyan-magenta", path)
        return "grains in the colours of their signal in two polarisations"
    if isinstance(record, NormalizedCube):
        return _spectra(record, path)
    return _image(record, path)


def _image(record: Record, path: Path) -> str:
    image, extent, label, how, sentence = _shown(record)
    figure = _figure(4, 3.4)
    axes = figure.subplots()
    shown = axes.imshow(image, origin="lower", extent=extent, **how)
    figure.colorbar(shown, ax=axes).set_label(label, fontsize=8)
    figure.axes[-1].tick_params(labelsize=7)
    if extent is not None:
        axes.set(xlabel="x (um)", ylabel="y (um)")
    figure.suptitle(record.title, fontsize=7, wrap=True)
    axes.tick_params(labelsize=7)
    save(figure, path)
    return sentence


def _shown(record: Record) -> tuple[Array, Any, str, dict[str, Any], str]:
    """Image, extent in um, label of the scale, how to draw it, and a sentence."""
    if isinstance(record, Scan):
        count = min(_FRAMES, record.frames.shape[0])
        places = np.linspace(0, record.frames.shape[0] - 1, count).astype(int) if count else np.empty(0, int)
        total = np.zeros(record.frames.shape[1:])
        for place in places:
            total += np.asarray(record.frames[place], np.float64)
        shown = np.where(np.asarray(record.pixel_mask) == 0, np.log10(1 + total), np.nan)
        return shown, None, "lg(1 + counts)", {"cmap": "inferno"}, f"sum of {count} diffraction frames"
    if isinstance(record, Reconstruction):
        phase = np.angle(flat_on_border(record))
        return phase, _extent(record), "phase (rad)", {"cmap": "viridis"}, "phase of the object"
    if isinstance(record, SpectralCube):
        known = np.asarray(record.known[0], bool)
        phase = np.where(known, np.asarray(record.phase[0]), np.nan)
        return phase, _extent(record), "phase (rad)", {"cmap": "viridis"}, "mean phase, first polarisation"
    if isinstance(record, DoseMap):
        return np.asarray(record.dose), _extent(record), "dose (Gy)", {"cmap": "magma"}, "dose at the surface"
    raise TypeError(f"no picture of {record.DEFINITION}")


def _extent(record: Reconstruction | SpectralCube | DoseMap) -> tuple[float, float, float, float]:
    return record.x[0] * 1e6, record.x[-1] * 1e6, record.y[0] * 1e6, record.y[-1] * 1e6


def _spectra(record: NormalizedCube, path: Path) -> str:
    """Mean spectra of the pixels that can be used, a line for each polarisation."""
    figure = _figure(4.6, 3.4)
    axes = figure.subplots()
    good = np.asarray(record.mask) == 0
    for index, angle in enumerate(record.polarization_angle):
        values = [np.mean(np.asarray(record.xanes[index, e])[good[index]]) for e in range(len(record.energy_ev))]
        axes.plot(record.energy_ev, values, ".-", label=f"{np.rad2deg(angle):.0f} deg")
    axes.set(xlabel="photon energy (eV)", ylabel="normalised absorption")
    figure.suptitle(record.title, fontsize=7, wrap=True)
    axes.legend(title="polarisation", fontsize=7)
    save(figure, path)
    return "mean XANES spectra of the pixels that can be used"
