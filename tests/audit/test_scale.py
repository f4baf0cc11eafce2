"""Distances that do not fit the cone of light are found, and stage scales that do not fit the frames."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.audit import scale
from picpxct_nx.audit.audit import Audit
from picpxct_nx.records import Scan

from .conftest import simulated


@pytest.mark.parametrize("factor", [0.7, 0.95, 1.0, 1.3])
def test_the_cone_tells_the_distance(scan: Scan, factor: float) -> None:
    found = scale.cone(replace(scan, distance=scan.distance * factor))
    assert found == pytest.approx(1 / factor, rel=0.02)


def test_without_a_zone_plate_or_light_there_is_no_cone(scan: Scan) -> None:
    assert scale.cone(replace(scan, outermost_zone_width=None)) is None
    noise = np.random.default_rng(0).poisson(3, scan.frames.shape)
    assert scale.cone(replace(scan, frames=noise)) is None


def test_a_wrong_distance_is_corrected_and_the_axes_are_judged_with_the_right_one(
    scan: Scan, audit: Callable[[Scan], Audit]
) -> None:
    found = audit(replace(scan, distance=1.5 * scan.distance))
    assert found.verdict == "wrong"
    assert str(found.stage) == "+y,+x"
    assert found.distance == pytest.approx(scan.distance, rel=0.03)
    assert found.stage_scale is None


def test_positions_in_a_wrong_unit_are_noticed(audit: Callable[[Scan], Audit]) -> None:
    scan = simulated("n_positions=30")
    found = audit(replace(scan, stage_y=scan.stage_y / 1.6, stage_x=scan.stage_x / 1.6))
    assert (found.verdict, str(found.stage)) == ("wrong", "+y,+x")
    assert found.distance is None
    assert found.stage_scale is not None
    assert found.stage_scale.factor == pytest.approx(1.6, rel=0.05)


def test_positions_that_are_too_far_apart_do_not_pass_for_better_for_their_lack_of_overlap(
    audit: Callable[[Scan], Audit],
) -> None:
    scan = simulated("n_positions=36")
    found = audit(replace(scan, stage_y=scan.stage_y * 1.7, stage_x=scan.stage_x * 1.7))
    assert found.stage_scale is not None
    assert found.stage_scale.factor == pytest.approx(1 / 1.7, rel=0.05)
