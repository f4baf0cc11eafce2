"""What a simulated experiment asks for and its model cannot give: sentences to warn with."""

import numpy as np

from . import optics, phantom
from .equipment import specimen
from .exposure import dose
from .layout import beam_width, count_time, object_pixel_size
from .presets import Experiment
from .truth import make_probe

# Thicker V2O5 changes the polarisation of light so much that the scalar model shows: at 5 um and 45 deg 2 to 3 % of the
# light and 0.009 rad, at 10 um 7 to 9 % and 0.04 rad, at 20 um a quarter and 0.15 rad.
THICKEST_SCALAR = 4e-6
# A beam that fills more of its window wraps around its edge.
WIDEST_BEAM = 0.75
# Pixels across the map on which the thickness is looked up.
_LOOK_PX = 96


def doubts(experiment: Experiment, seed: int) -> list[str]:
    """What is doubtful about an experiment, a sentence each; none where all is well."""
    found = []
    thickness = thickest(experiment, seed)
    if thickness > THICKEST_SCALAR and experiment.model == "scalar":
        found.append(
            f"the particle is {thickness * 1e6:.1f} um thick; above {THICKEST_SCALAR * 1e6:.0f} um light changes its "
            "polarisation in V2O5, which the scalar model leaves out: use --set model=jones"
        )
    energies = experiment.energies_ev
    wide = max(energies, key=lambda energy: beam_width(experiment, energy) / object_pixel_size(experiment, energy))
    window = experiment.frame_size * object_pixel_size(experiment, wide)
    if beam_width(experiment, wide) > WIDEST_BEAM * window:
        found.append(
            f"the beam is {beam_width(experiment, wide) * 1e6:.3g} um wide in a window of {window * 1e6:.3g} um at "
            f"{wide:.1f} eV and wraps around: use a smaller beam_diameter, or more frame_size or distance"
        )
    rim = 1 / (2 * experiment.zone_plate.outermost_zone_width)
    if rim > 0.5 / object_pixel_size(experiment, wide):
        found.append("the cone of the zone plate is wider than the frame, which cuts it: use less distance")
    brightest = _brightest(experiment, seed)
    if brightest > experiment.saturation_value:
        found.append(
            f"a pixel without sample counts {brightest:.3g} a frame and saturates at {experiment.saturation_value}: "
            "use less photon_rate or count_time"
        )
    return found


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


def doses(experiment: Experiment) -> tuple[float, float]:
    """Dose of a scan at the lowest energy, and of all scans together, Gy."""
    each = [dose(experiment, energy) for energy in experiment.energies_ev]
    return each[int(np.argmin(experiment.energies_ev))], sum(each) * len(experiment.rotations)
