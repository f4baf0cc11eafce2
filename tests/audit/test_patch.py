"""What an audit finds goes into a small TOML file and comes out of it the same; what is no patch is refused."""

import tomllib
from dataclasses import replace

import pytest

from picpxct_nx.audit import account, patch, scale
from picpxct_nx.audit.audit import Audit
from picpxct_nx.audit.orientation import AS_RECORDED, Orientation
from picpxct_nx.audit.patch import Patch
from picpxct_nx.errors import InputError, UsageError

from .conftest import PLANTED


def test_the_stage_is_corrected_unless_it_is_trusted(audited: Audit) -> None:
    assert patch.of(audited) == Patch(stage=PLANTED)
    assert patch.of(audited, "stage") == Patch(frames=PLANTED.inverse)
    with pytest.raises(UsageError, match="--trust 'both': wanted frames or stage"):
        patch.of(audited, "both")


def test_everything_that_was_found_survives_the_file(audited: Audit) -> None:
    found = replace(
        audited, distance=7.0948, defocus_reversed=True, stage_scale=scale.StageScale(1.25, 1.04, 20.0),
        axes="stage:+x,-y:um;frames:+y,+x",
    )  # fmt: skip
    made = patch.of(found)
    assert patch.read(patch.as_toml(found, made), "patch.toml") == made
    assert made == Patch(PLANTED, AS_RECORDED, 1.25, 7.0948, reverse_defocus=True, axes=found.axes)


def test_the_axes_of_further_imports_are_corrected(audited: Audit) -> None:
    found = replace(audited, axes="stage:+x,+y:um;frames:-y,+x")
    # Recorded x is the laboratory's y, recorded y its -x.
    assert str(PLANTED) == "+x,-y"
    assert 'axes = "stage:+y,-x:um;frames:-y,+x"' in patch.as_toml(found, patch.of(found))
    assert 'axes = "stage:+x,+y:um;frames:-x,-y"' in patch.as_toml(found, patch.of(found, "stage"))


def test_the_account_says_both_axes(audited: Audit) -> None:
    found = replace(audited, axes="stage:+x,+y:um;frames:-y,+x")
    assert account.import_axes(found) == ("stage:+y,-x:um;frames:-y,+x", "stage:+x,+y:um;frames:-x,-y")
    assert "for further imports: --axes 'stage:+y,-x:um" in account.as_text(found)
    assert account.import_axes(audited) is None


@pytest.mark.parametrize(("confidence", "told"), [(0.99876, "99.88 %"), (0.9999999, "99.99 %"), (0.962, "96 %")])
def test_headline_and_patch_are_as_sure_as_each_other(audited: Audit, confidence: float, told: str) -> None:
    found = replace(audited, confidence=confidence)
    assert f"WRONG, {told}: the stage's axes" in account.headline(found)
    stored = tomllib.loads(patch.as_toml(found, patch.of(found)))["audit"]["confidence"]
    assert account.percent(stored) == told


def test_an_undecided_audit_gives_no_patch(audited: Audit) -> None:
    with pytest.raises(InputError, match="the audit is undecided"):
        patch.of(replace(audited, confidence=0.6))


def test_one_line_by_hand_is_a_patch() -> None:
    assert patch.read("[amend]\nstage = '-y,+x'", "mine.toml") == Patch(stage=Orientation("-y", "+x"))
    assert patch.read("[amend]\ndistance = '7.1 m'", "mine.toml") == Patch(distance=7.1)
    assert patch.read("[amend]", "mine.toml").empty


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("stage = ", "is no TOML"),
        ("stage = '+y,+x'", r"has no \[amend\]"),
        ("amend = 3", r"has no \[amend\]"),
        ("[amend]\nstages = '+y,+x'", "stages is not known; wanted stage, frames"),
        ("[amend]\nstage = '+y,+y'", r"stage '\+y,\+y': wanted the recorded directions"),
        ("[amend]\nstage = 3", "wanted the recorded directions"),
        ("[amend]\ndistance = 7.1", "unit"),
        ("[amend]\ndistance = '-7.1 m'", "wanted a length above 0"),
        ("[amend]\ndistance = '7.1 eV'", "eV"),
        ("[amend]\nstage_scale = 0", "wanted a number above 0"),
        ("[amend]\nstage_scale = 'a'", "wanted a number above 0"),
        ("[amend]\nreverse_defocus = 1", "wanted true or false"),
    ],
)
def test_what_is_no_patch_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        patch.read(text, "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert "\n" not in str(caught.value)
