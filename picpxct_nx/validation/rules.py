"""The rules on values that a definition cannot state: one table, from which they are run and documented."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from picpxct_nx.validation import (
    rules_data,
    rules_dose,
    rules_entry,
    rules_grains,
    rules_product,
    rules_scan,
    rules_text,
)
from picpxct_nx.validation.tree import UnreadableError
from picpxct_nx.validation.view import Found, View
from picpxct_nx.validation.violation import Level, Violation

_SCAN, _RECONSTRUCTION = "NXspecptycho_scan", "NXspecptycho_reconstruction"
_CUBE, _NORMALIZED, _FRC = "NXspecptycho_cube", "NXspecptycho_normalized", "NXspecptycho_frc"
_GRAINMAP = "NXspecptycho_grainmap"
_DOSE = "NXspecptycho_dose"
_HOWELLS = "Howells et al. 2009, DOI 10.1016/j.elspec.2008.10.008"
_OPTICS = "Born & Wolf, Principles of Optics, 7th ed. (1999), on Stokes parameters"
_OURS, _NEXUS = "the definition", "NeXus manual, NXdata"
_PASSIVE = "phase_convention of the definition: beta is not negative in matter at rest"
_RINGS = "van Heel & Schatz, J. Struct. Biol. 151, 250 (2005), DOI 10.1016/j.jsb.2005.05.009"


@dataclass(frozen=True)
class Rule:
    """One rule: its code and level, one sentence, where it comes from, and the check.

    `definitions` is empty where the rule holds for all. `data` says that the check reads images and stacks, which costs
    about as much as reading them.
    """

    code: str
    level: Level
    sentence: str
    source: str
    check: Callable[[View], Found]
    definitions: tuple[str, ...] = ()
    data: bool = False


RULES: tuple[Rule, ...] = (
    Rule("STOKES", "error", "Q^2 + U^2 + V^2 is at most I^2, and I is above zero.", _OPTICS, rules_entry.stokes_bound),
    Rule("STOKES_SCALE", "warning", "The Stokes vector has I = 1.", _OURS, rules_entry.stokes_scale),
    Rule("TIME_ORDER", "error", "A measurement ends after it began.", _OURS, rules_entry.time_order),
    Rule("TIME_FUTURE", "warning", "No time lies in the future.", _OURS, rules_entry.time_future),
    Rule("TIME_HISTORY", "warning", "The newest step ran after all others.", _OURS, rules_entry.newest_step),
    Rule("ENERGY_RANGE", "warning", "Photon energies lie between 100 eV and 200 keV.", "range of X-ray optics",
         rules_entry.energy_plausible),
    Rule("TEXT_BLANK", "warning", "Title, sample, beamline and facility have names.", "FAIR F2: Wilkinson et al., "
         "Sci. Data 3 (2016), DOI 10.1038/sdata.2016.18", rules_entry.text_blank),
    Rule("ORCID", "error", "An ORCID iD is a URL with the right check character.", "ISO/IEC 7064, MOD 11-2",
         rules_text.orcid),
    Rule("FORMULA", "warning", "A chemical formula is in Hill order.", "Hill, J. Am. Chem. Soc. 22, 478 (1900)",
         rules_text.formula),
    Rule("AXIS_ORDER", "error", "An axis rises or falls strictly.", _NEXUS, rules_entry.axis_order),
    Rule("AXIS_EVEN", "error", "The pixels of an image have one size.", _OURS, rules_entry.axis_even),
    Rule("STAGE_HISTORY", "error", "A stage has the step that leads to it in its history.", _OURS,
         rules_entry.stage_history),
    Rule("NOT_POSITIVE", "error", "Energies, lengths and times of the geometry are above zero.", _OURS,
         rules_scan.positive),
    Rule("ENERGY_OFFSET", "error", "incident_energy is monochromator/energy plus energy_offset.", _OURS,
         rules_scan.energy_offset, (_SCAN,)),
    Rule("DISTANCE", "warning", "The detector stands 1 mm to 100 m from the sample.", "beamlines there are",
         rules_scan.distance, (_SCAN,)),
    Rule("PIXEL_SIZE", "warning", "Pixels of the detector are 1 um to 1 mm wide.", "detectors there are",
         rules_scan.pixel_size, (_SCAN,)),
    Rule("NUMBERING", "error", "Frames are counted from 0, iterations upwards from 1.", _OURS, rules_scan.numbering),
    Rule("BEAM_CENTRE", "error", "The direct beam meets the detector.", "NXdetector", rules_scan.beam_centre, (_SCAN,)),
    Rule("ZONE_PLATE", "error", "Outermost zone and central stop are smaller than the zone plate.",
         "NXfresnel_zone_plate", rules_scan.zone_plate, (_SCAN,)),
    Rule("POSITIONS_EQUAL", "warning", "The sample moves during a scan.", _OURS, rules_scan.positions, (_SCAN,)),
    Rule("MASK_ALL", "error", "The mask leaves good pixels.", "NXdetector", rules_scan.mask, (_SCAN,)),
    Rule("MONITOR", "warning", "The monitor is above zero in every frame.", _OURS, rules_scan.monitor, (_SCAN,)),
    Rule("COUNTS", "error", "Counts of good pixels are finite and not negative.", _OURS, rules_scan.counts, (_SCAN,),
         data=True),
    Rule("SATURATED", "warning", "No good pixel reaches the saturation value.", "NXdetector", rules_scan.saturated,
         (_SCAN,), data=True),
    Rule("OBJECT_PIXEL", "error", "Object and probe have the same pixel.", _OURS, rules_product.object_pixel,
         (_RECONSTRUCTION,)),
    Rule("POSITIONS_OUTSIDE", "warning", "The probe was on the object.", _OURS, rules_product.positions_outside,
         (_RECONSTRUCTION,)),
    Rule("CONVERGENCE", "error", "Fourier errors are finite and not negative.", _OURS, rules_product.convergence,
         (_RECONSTRUCTION,)),
    Rule("DATA_NOT_FINITE", "error", "The transmission is finite wherever it was measured.", _OURS,
         rules_data.transmission_known, (_RECONSTRUCTION, _CUBE), data=True),
    Rule("PHASE", "error", "The phase is the angle of the transmission, modulo 2 pi.", _OURS, rules_data.phase,
         (_RECONSTRUCTION, _CUBE), data=True),
    Rule("AMPLITUDE", "warning", "No sample amplifies light: |t| is below 1.5 where much light fell.", _PASSIVE,
         rules_data.amplitude, (_RECONSTRUCTION, _CUBE), data=True),
    Rule("PROBE", "error", "A probe is finite and brings light.", _OURS, rules_data.probe, data=True),
    Rule("COVERAGE", "error", "The coverage is finite and not negative.", _OURS, rules_data.coverage,
         (_RECONSTRUCTION,), data=True),
    Rule("ENERGY_VALID", "error", "A projection has an energy where it was measured, and nowhere else.", _OURS,
         rules_product.energy_valid, (_CUBE,)),
    Rule("ENERGY_NOMINAL", "warning", "A measured energy is nearest to its nominal one.", _OURS,
         rules_product.energy_nominal, (_CUBE, _NORMALIZED)),
    Rule("POLARIZATION", "error", "polarization_angle is atan2(U, Q) / 2 less the rotation, modulo pi.", _OPTICS,
         rules_entry.polarization, (_CUBE, _NORMALIZED, _GRAINMAP)),
    Rule("WINDOWS", "error", "Windows are ordered, on their side of the edge, inside the energies.", _OURS,
         rules_product.windows, (_NORMALIZED,)),
    Rule("SIGMA", "error", "A standard deviation is not negative.", _NEXUS, rules_data.sigmas, data=True),
    Rule("SPECTRA_NOT_FINITE", "error", "Spectra that the mask lets through are finite.", _OURS,
         rules_data.spectra_known, (_NORMALIZED,), data=True),
    Rule("FRC_RANGE", "error", "Correlations lie between -1 and 1, thresholds and samples above 0; frequencies rise.",
         _RINGS, rules_product.frc_range, (_FRC,)),
    Rule("FRC_RESOLVED", "error", "half_period is there where the curve is resolved; full_period is twice it.", _OURS,
         rules_product.frc_resolved, (_FRC,)),
    Rule("FRC_CROSSING", "error", "The curve falls through the threshold at 1 / (2 half_period).", _RINGS,
         rules_product.frc_crossing, (_FRC,)),
    Rule("GRAIN_TABLE", "error", "Rows of the table are the labels of the image; area, pixels and diameter agree.",
         _OURS, rules_grains.table, (_GRAINMAP,), data=True),
    Rule("GRAIN_RANGE", "error", "Orientations lie in [0, pi), on one side if mirror_ambiguous; confidence in [0, 1].",
         _OURS, rules_grains.ranges, (_GRAINMAP,), data=True),
    Rule("DOSE_RANGE", "error", "Doses, fluences and photons are not negative; no mean is above the largest.", _OURS,
         rules_dose.dose_range, (_DOSE,)),
    Rule("DOSE_FORMULA", "error", "A dose is fluence times photon energy times mass attenuation.", _HOWELLS,
         rules_dose.dose_formula, (_DOSE,)),
    Rule("DOSE_MAP", "error", "Maps of dose and fluence are not negative; maximum_dose is that of the map.", _OURS,
         rules_dose.dose_maps, (_DOSE,), data=True),
)  # fmt: skip


def check_rules(view: View, *, data: bool) -> Iterator[Violation]:
    """What the rules find in one entry; with `data`, also in its images and stacks."""
    for rule in RULES:
        if (rule.definitions and view.definition not in rule.definitions) or (rule.data and not data):
            continue
        # Numbers of a stranger overflow; what comes of it is compared like any other.
        with np.errstate(all="ignore"):
            try:
                found = list(rule.check(view))
            except UnreadableError as error:
                found = []
                yield Violation(view.entry.path, error.code, str(error))
        yield from (Violation(view.where(path), rule.code, message, rule.level) for path, message in found)
