"""A planted error is found and named; where frames or physics do not tell, nothing is claimed."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from picpxct_nx.audit import account
from picpxct_nx.audit.audit import SURE, Audit
from picpxct_nx.audit.orientation import ALL, AS_RECORDED, CLASSES
from picpxct_nx.audit.sign import twin
from picpxct_nx.errors import InputError
from picpxct_nx.illumination import object_pixel, start_probe
from picpxct_nx.records import Scan
from picpxct_nx.simulate import optics

from .conftest import PLANTED, simulated


def test_a_planted_orientation_is_found_with_its_sign(audited: Audit) -> None:
    assert audited.verdict == "wrong"
    assert audited.stage == PLANTED
    assert audited.frames_turn == PLANTED.inverse
    assert audited.confidence > SURE
    assert sum(audited.probabilities.values()) == pytest.approx(1)
    assert audited.probabilities[AS_RECORDED] < 1e-3
    assert {member for each in audited.classes for member in each.members} == set(ALL)
    assert PLANTED in audited.classes[0].members


def test_what_is_right_is_called_right(scan: Scan, audit: Callable[[Scan], Audit]) -> None:
    found = audit(scan)
    assert (found.verdict, found.stage, found.distance, found.stage_scale) == ("right", AS_RECORDED, None, None)
    assert account.warnings(found) == []


def test_an_empty_beam_is_undecided(scan: Scan, audit: Callable[[Scan], Audit]) -> None:
    rng = np.random.default_rng(0)
    mean = np.abs(np.fft.fftshift(np.fft.fft2(start_probe(scan)[0], norm="ortho"))) ** 2
    frames = rng.poisson(3e4 * mean / mean.sum(), scan.frames.shape)
    found = audit(replace(scan, frames=frames.astype(np.uint32), pixel_mask=0 * scan.pixel_mask))
    assert found.verdict == "undecided"
    assert found.confidence < 0.8
    assert "frames do not tell the orientations apart" in account.headline(found)


def test_a_sample_that_varies_along_one_direction_leaves_two_classes_open(
    scan: Scan, audit: Callable[[Scan], Audit]
) -> None:
    # Whatever frames say of y, they say it of any y.
    rng = np.random.default_rng(1)
    stripes = np.exp(-0.8j * ndimage.gaussian_filter1d((rng.random(160) > 0.5) * 1.0, 1.0))
    image = np.tile(stripes, (160, 1)).astype(np.complex64)
    pixel = object_pixel(scan)
    probe = (300 * start_probe(scan)[0]).astype(np.complex64)
    waves = [
        optics.exit_wave(probe, image, (80 - y / pixel[0], 80 - x / pixel[1]))
        for y, x in zip(scan.stage_y, scan.stage_x, strict=True)
    ]
    frames = rng.poisson(np.stack([np.abs(optics.far_field(wave)) ** 2 for wave in waves]))
    found = audit(replace(scan, frames=frames.astype(np.uint32), pixel_mask=0 * scan.pixel_mask))
    assert found.verdict == "undecided"
    assert {each.members[0] for each in found.classes[:2]} == set(CLASSES[:2])
    assert found.classes[2].probability < 0.01
    assert "the sample seems to vary along one direction only" in account.headline(found)


def test_without_absorption_air_or_curvature_the_class_is_known_and_the_sign_is_not(
    audited: Audit, wrong: Scan
) -> None:
    silent = [replace(witness, log_odds=0.0) for witness in audited.witnesses]
    chances = dict.fromkeys(ALL, 0.0) | {PLANTED: 0.5, -PLANTED: 0.5}
    open_sign = replace(audited, witnesses=tuple(silent), probabilities=chances, confidence=0.5)
    assert not open_sign.decided
    assert "the sign of the phase is open: no absorption, no air" in account.headline(open_sign)
    assert wrong.entry in account.headline(open_sign)


def test_absorption_overrules_a_defocus_that_was_recorded_with_the_wrong_sign(
    audit: Callable[[Scan], Audit],
) -> None:
    # Enough light and frames to be surer of absorption than of the record; the record is a start probe here.
    absorbing = simulated("frame_size=64", "n_positions=50", "photon_rate=2e7 Hz")
    absorbing = replace(
        absorbing, defocus=-(absorbing.defocus or 0.0), start_probe=twin(start_probe(absorbing)),
        start_probe_y=np.arange(64.0), start_probe_x=np.arange(64.0),
    )  # fmt: skip
    found = audit(absorbing)
    assert (found.stage, found.verdict, found.defocus_reversed) == (AS_RECORDED, "wrong", True)
    assert "the defocus, or the start probe's curvature, has the wrong sign" in account.headline(found)
    assert "AGAINST" in account.as_text(found)


def test_positions_of_other_frames_fit_nowhere_and_that_is_said(scan: Scan, audit: Callable[[Scan], Audit]) -> None:
    order = np.random.default_rng(0).permutation(len(scan.stage_y))
    found = audit(replace(scan, stage_y=scan.stage_y[order], stage_x=scan.stage_x[order]))
    assert found.verdict == "undecided"
    assert "no orientation fits the frames" in account.headline(found)


def test_a_scan_that_cannot_be_reconstructed_says_why(scan: Scan, audit: Callable[[Scan], Audit]) -> None:
    few = {"sample/transformations/y": scan.stage_y[:5], "sample/transformations/x": scan.stage_x[:5]}
    few |= {"instrument/detector/data": np.asarray(scan.frames)[:5], "control/data": np.ones(5)}
    with pytest.raises(InputError, match="has 5 frames; an audit wants 6 or more"):
        audit(Scan.from_values(scan.entry, scan.to_values() | few))
    with pytest.raises(InputError, match="no start probe"):
        audit(replace(scan, defocus=None))
    with pytest.raises(InputError, match="do not overlap"):
        audit(replace(scan, stage_y=1e3 * scan.stage_y, stage_x=1e3 * scan.stage_x))


def test_the_same_scan_and_seed_give_the_same_audit(
    wrong: Scan, audited: Audit, audit: Callable[[Scan], Audit]
) -> None:
    again = audit(wrong)
    assert again.probabilities == audited.probabilities
    assert account.as_json(again) == account.as_json(audited)


def test_percent_never_claims_certainty() -> None:
    assert account.percent(1.0) == "99.99 %"
    assert account.percent(0.973) == "97 %"
