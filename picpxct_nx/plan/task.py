"""A planning task: whose instrument, what is wanted, what is assumed; and the photons that each scan needs at least."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from picpxct_nx.simulate.layout import object_pixel_size
from picpxct_nx.simulate.presets import Experiment

from .ask import Assumed, Target, element
from .design import Crystals, Design, all_directions, design_of, images
from .resolution import fluence_for, phase_spectrum

Floats = NDArray[np.float64]

# Phase and edge step over their noise in a pixel of the assumed thickness, which `normalize` is to keep: it masks those
# below 3.
LEAST_SNR = 3.5
# Part of the width of a grain that images are to resolve where no resolution is wanted.
GRAIN_SHARE = 0.25
# Energies that stand for all of an experiment where only its specimen is of interest.
_BOTH_ENDS = (5460.0, 5520.0)


@dataclass(frozen=True)
class Task:
    """An experiment to change, a target, assumptions; `seed` draws the specimen whose images are to be resolved."""

    experiment: Experiment
    assumed: Assumed
    wanted: Target
    seed: int = 0

    @property
    def size(self) -> float:
        """Side of a resolution element, m."""
        return element(self.experiment, self.wanted)

    @property
    def area(self) -> float:
        """Area whose direction is wanted, m^2: that of a grain or of a resolution element."""
        return self.wanted.grain or self.size**2

    @property
    def crystals(self) -> Crystals:
        """Crystals as assumed, in all directions."""
        return all_directions(self.assumed.thickness, self.assumed.tilt)

    @property
    def shown(self) -> float:
        """Half period in m that the image of every scan is to resolve, so that it can be aligned and grains be seen.

        It is the resolution that is wanted, else a quarter of the width of the grain, else the resolution element.
        """
        if self.wanted.resolution is not None or self.wanted.grain is None:
            return self.size
        return max(self.size, GRAIN_SHARE * float(np.sqrt(self.wanted.grain)))

    def design(self, energies_ev: tuple[float, ...]) -> Design:
        """One photon per m^2 in every scan at these energies."""
        at = replace(self.experiment, energies_ev=energies_ev, exposures=())
        return replace(design_of(at, self.assumed.excess), fluence=np.ones(len(energies_ev)))


def least_fluence(task: Task, energies_ev: tuple[float, ...]) -> Floats:
    """Photons per m^2 that each scan needs at least, (E,) by rising energy, whatever the target of the direction.

    A pixel as thick as assumed shows its phase, and an edge step from images of that noise, with `LEAST_SNR`; and phase
    images of the specimen resolve `Task.shown`.
    """
    design, assumed = task.design(energies_ev), task.assumed
    found = images(design, task.crystals)
    area = object_pixel_size(task.experiment, min(energies_ev)) ** 2
    dimmed = assumed.excess * np.sqrt(np.mean(np.exp(2 * found.loss), axis=(0, 2)) / (4 * area))
    phase, loss = (np.abs(np.mean(part, axis=(0, 2))) for part in (found.phase, found.loss))
    least = (LEAST_SNR * dimmed / phase) ** 2
    step = 2 * (loss[-1] - loss[0])
    # Optical density has twice the noise of the loss, and the step that of both ends. Of the others as well: normalize
    # takes the noise for the same at all energies, and one dark image would have it mask what the others show.
    least = np.maximum(least, (LEAST_SNR * 2 * np.sqrt(2) * dimmed / step) ** 2)
    specimen = replace(task.experiment, energies_ev=_BOTH_ENDS, exposures=())
    for number, energy in enumerate(design.energy_ev):
        spectrum = phase_spectrum(specimen, float(energy), task.seed)
        least[number] = max(least[number], fluence_for(spectrum, task.shown, assumed.excess))
    return np.asarray(least)
