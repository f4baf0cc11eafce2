"""What a simulated experiment asks for and its model cannot give: sentences to warn with."""

import numpy as np

from . import optics, phantom
from .equipment import specimen
from .layout import beam_width, count_time, fermat_spiral, object_pixel_size
from .presets import Experiment
from .spectra import FADE_IN_EV, FADE_OUT_EV
from .truth import make_probe

# Thicker V2O5 changes the polarisation of light so much that the scalar model shows: at 5 um and 45 deg 2 to 3 % of the
# light and 0.009 rad, at 10 um 7 to 9 % and 0.04 rad, at 20 um a quarter and 0.15 rad.
THICKEST_SCALAR = 4e-6
# A beam that fills more of its window wraps around its edge.
WIDEST_BEAM = 0.75
# The optical constants hold from the beginning of the near-edge model to its end.
CONSTANTS_EV = (FADE_IN_EV[1], FADE_OUT_EV[0])
# Pixels across the map on which the thickness is looked up.
_LOOK_PX = 96


def doubts(experiment: Experiment, seed: int) -> list[str]:
    """What is doubtful about an experiment, a sentence each; none where all is well."""
    found = (
        _of_thickness(experiment, seed),
        _of_energies(experiment),
        _of_window(experiment),
        _of_cone(experiment),
        _of_field(experiment),
        _of_counts(experiment, seed),
    )
    return [text for text in found if text is not None]


def _of_thickness(experiment: Experiment, seed: int) -> str | None:
    thickness = thickest(experiment, seed)
    if thickness <= THICKEST_SCALAR or experiment.model != "scalar":
        return None
    return (
        f"the particle is {thickness * 1e6:.1f} um thick; above {THICKEST_SCALAR * 1e6:.0f} um light changes its "
        "polarisation in V2O5, which the scalar model leaves out: use --set model=jones"
    )


def _of_energies(experiment: Experiment) -> str | None:
    low, high = CONSTANTS_EV
    beyond = [energy for energy in experiment.energies_ev if not low <= energy <= high]
    if not beyond:
        return None
    return (
        f"the optical constants of V2O5 are meant for {low:.0f} to {high:.0f} eV, the V K edge, and {beyond[0]:.6g} eV "
        "is not among them"
    )


def _widest(experiment: Experiment) -> tuple[float, float, float]:
    """Energy in eV at which the beam fills most of its window, its width there, and a pixel, m."""
    energy = max(experiment.energies_ev, key=lambda e: beam_width(experiment, e) / object_pixel_size(experiment, e))
    return energy, beam_width(experiment, energy), object_pixel_size(experiment, energy)


def _of_window(experiment: Experiment) -> str | None:
    energy, width, pixel = _widest(experiment)
    window = experiment.frame_size * pixel
    if width <= WIDEST_BEAM * window:
        return None
    return (
        f"the beam is {width * 1e6:.3g} um wide in a window of {window * 1e6:.3g} um at {energy:.1f} eV and wraps "
        "around: use a smaller beam_diameter, or more frame_size or distance"
    )


def _of_cone(experiment: Experiment) -> str | None:
    if experiment.zone_plate.outermost_zone_width >= _widest(experiment)[2]:
        return None
    return "the cone of the zone plate is wider than the frame, which cuts it: use less distance"


def _of_field(experiment: Experiment) -> str | None:
    y, x = fermat_spiral(experiment.n_positions, experiment.step)
    lit, size = 2 * float(np.hypot(y, x).max()) + _widest(experiment)[1], max(experiment.particle_size[:2])
    if size <= lit:
        return None
    return (
        f"the particle is {size * 1e6:.3g} um wide and the scan lights {lit * 1e6:.3g} um: no air is left to set the "
        "phase by; use more n_positions or step"
    )


def _of_counts(experiment: Experiment, seed: int) -> str | None:
    brightest = _brightest(experiment, seed)
    if brightest <= experiment.saturation_value:
        return None
    return (
        f"a pixel without sample counts {brightest:.3g} a frame and saturates at {experiment.saturation_value}: use "
        "less photon_rate or count_time"
    )


def thickest(experiment: Experiment, seed: int) -> float:
    """Largest projected thickness of the particle, m."""
    size = max(experiment.particle_size[:2])
    seen = phantom.project(specimen(experiment, seed), shape=(_LOOK_PX, _LOOK_PX), pixel_size=size / _LOOK_PX)
    return float(seen.thickness.max())


def _brightest(experiment: Experiment, seed: int) -> float:
    """Most counts of a pixel in air at the energy that is exposed longest."""
    longest = max(experiment.energies_ev, key=lambda energy: count_time(experiment, energy))
    probe = make_probe(experiment, longest, seed)
    return float((np.abs(optics.far_field(probe.astype(complex))) ** 2).max())
