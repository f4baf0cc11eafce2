"""Texts of the command line and of plans become experiments, or one line that says what is wrong."""

import numpy as np
import pytest

from picpxct_nx.errors import ConfigError, UsageError
from picpxct_nx.simulate import exposure
from picpxct_nx.simulate.configure import changed, configure, planned
from picpxct_nx.simulate.doubts import doubts
from picpxct_nx.simulate.planfile import Plan
from picpxct_nx.simulate.presets import PAPER, TUTORIAL

PLAN = """# three energies
preset = "tutorial"
energies = ["5460 eV", "5.470 keV"]
rotations = ["0 deg", "60 deg", "120 deg"]
exposures = [1.0, 0.5]

[set]
count_time = "0.2 s"
n_positions = 12
model = "jones"
"zone_plate.diameter" = "90 um"
"""


def test_words_lengths_and_parts_of_the_zone_plate_can_be_set() -> None:
    found = configure(
        "tutorial",
        ["model=jones", "specimen=platelets", "particle_size=3 um, 2.5 um, 2 um", "zone_plate.diameter=90 um",
         "beamstop_diameter=0.5 mm", "refocus=0"],
    )  # fmt: skip
    assert (found.model, found.specimen, found.refocus) == ("jones", "platelets", 0)
    assert found.particle_size == pytest.approx((3e-6, 2.5e-6, 2e-6))
    assert found.zone_plate.diameter == pytest.approx(90e-6)
    assert found.beamstop_diameter == pytest.approx(0.5e-3)


def test_dose_sets_the_photon_rate_whatever_else_is_set() -> None:
    for settings in (["dose=2 MGy", "step=0.3 um"], ["step=0.3 um", "dose=2 MGy"]):
        assert exposure.dose(configure("paper", settings), 5460.0) == pytest.approx(2e6)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("model=vector", "model: 'vector' is not known; wanted one of scalar, jones"),
        ("particle_size=3 um", "particle_size: wanted three lengths above zero"),
        ("particle_size=3 um, 0 um, 1 um", "particle_size: wanted three lengths above zero"),
        ("step=0 um", "step: wanted more than zero"),
        ("n_positions=1e9", "n_positions: 1e[+]09 is too large; wanted 0 to 1e[+]06"),
        ("frame_size=4", "frame_size: 4 is too small; wanted 8 or more"),
        ("n_positions=2.5", "n_positions: 2.5 is not whole"),
        ("refocus=2", "refocus: 2 is too large; wanted 0 to 1"),
        ("photon_rate=nan Hz", "nan Hz"),
        ("n_dead_pixels=1e999", "n_dead_pixels: inf is too large; wanted a finite number"),
        ("colour=red", "--set 'colour=red': wanted NAME=VALUE with one of beam_diameter"),
        ("model", "--set 'model': wanted NAME=VALUE"),
    ],
)
def test_settings_that_mean_nothing_are_refused(setting: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        configure("tutorial", [setting])


def test_exposures_are_one_for_each_energy() -> None:
    found = configure("tutorial", ["exposures=1, 0.5"], energies="5460 eV, 5471 eV")
    assert found.exposures == (1.0, 0.5)
    for text, reason in (("1, 0", "wanted more than zero"), ("1", "1 for 2 energies"), ("1, x", "is not a number")):
        with pytest.raises(UsageError, match=reason):
            configure("tutorial", [f"exposures={text}"], energies="5460 eV, 5471 eV")


def test_dose_and_photon_rate_together_are_refused() -> None:
    with pytest.raises(UsageError, match="dose and --set photon_rate both say how many photons"):
        configure("tutorial", ["dose=1 MGy", "photon_rate=1e7 Hz"])


def test_unknown_preset_names_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"'papier' is not known; wanted one of tutorial, paper, or a plan FILE\.toml"):
        configure("papier")


def test_plan_says_energies_rotations_exposures_and_settings() -> None:
    found = planned(Plan.parse(PLAN, "plan.toml"), "plan.toml", ["n_grains=3"])
    assert found.energies_ev == (5460.0, 5470.0)
    assert np.rad2deg(found.rotations) == pytest.approx([0, 60, 120])
    assert found.exposures == (1.0, 0.5)
    assert (found.n_positions, found.count_time, found.model, found.n_grains) == (12, 0.2, "jones", 3)
    assert found.step == TUTORIAL.step
    other = planned(Plan.parse(PLAN, "plan.toml"), "plan.toml", energies="5480 eV")
    assert (other.energies_ev, other.exposures) == ((5480.0,), ())


def test_plan_written_is_the_plan_read() -> None:
    plan = Plan.parse(PLAN, "plan.toml")
    assert Plan.parse(plan.write(("a comment", "")), "again") == plan
    assert Plan.parse(Plan("paper", None, None, (), ()).write(), "again") == Plan("paper", None, None, (), ())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("preset = ", "plan.toml: is not TOML"),
        ("speed = 3", "plan.toml: 'speed' is not known in a plan; wanted preset, energies"),
        ("preset = 3", "plan.toml: preset = 3; wanted the name of a preset"),
        ('preset = "other.toml"', "wanted the name of a preset"),
        ("energies = [5460]", r"energies = \[5460\]; wanted a list of quantities"),
        ("energies = []", "wanted a list of quantities"),
        ('energies = ["5460 um"]', "plan.toml: .*5460 um"),
        ("exposures = [1.0]", "plan.toml: has 1 exposures for 10 energies"),
        ("exposures = [true]", "wanted numbers above zero"),
        ("exposures = [-1.0]", "wanted numbers above zero"),
        ("set = 3", r"wanted a table \[set\]"),
        ("[set]\nstep = true", r"\[set\] step = True; wanted a number or a quantity"),
        ('[set]\nstep = "1 eV"', "plan.toml: .*"),
    ],
)
def test_plans_that_mean_nothing_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        planned(Plan.parse(text, "plan.toml"), "plan.toml")


@pytest.mark.parametrize(
    ("settings", "doubt"),
    [
        (["particle_size=6 um, 6 um, 9 um"], "um thick; above 4 um light changes its polarisation"),
        (["beam_diameter=3 um"], "wraps around"),
        (["particle_size=9 um, 9 um, 1 um"], "no air is left to set the phase by"),
        (["distance=2.5 m"], "wider than the frame"),
        (["saturation_value=200", "photon_rate=1e9 Hz"], "saturates at 200"),
    ],
)
def test_what_the_model_cannot_give_is_doubted(settings: list[str], doubt: str) -> None:
    assert any(doubt in text for text in doubts(changed(TUTORIAL, settings), 0))


def test_energies_without_optical_constants_are_doubted() -> None:
    (text,) = doubts(configure("tutorial", energies="5471 eV, 8 keV"), 0)
    assert "meant for 5400 to 5540 eV, the V K edge, and 8000 eV is not among them" in text


def test_thick_particles_in_the_jones_model_and_the_presets_are_not_doubted() -> None:
    assert doubts(changed(TUTORIAL, ["particle_size=4 um, 4 um, 9 um", "model=jones"]), 0) == []
    assert doubts(TUTORIAL, 0) == doubts(PAPER, 0) == []
