"""Aggregates and platelets: disjoint convex grains with exact thickness, inside the size asked for."""

import numpy as np
import pytest

from picpxct_nx.errors import UsageError
from picpxct_nx.simulate import phantom, polyhedron
from picpxct_nx.simulate.particles import KINDS, particle
from picpxct_nx.simulate.phantom import Phantom

from .geometry import chord_length

SIZE = (6e-6, 5e-6, 3e-6)


def _draw(kind: str, n_grains: int = 9, seed: int = 1) -> Phantom:
    return particle(kind, size=SIZE, n_grains=n_grains, max_tilt=0.9, seed=np.random.SeedSequence(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_thickness_is_the_matter_met_by_marching_along_the_ray(kind: str) -> None:
    sample, step = _draw(kind), 4e-9
    assert len(sample.grains) == 9
    z = np.arange(-1.6e-6, 1.6e-6, step)
    rng, crossed = np.random.default_rng(0), []
    for y, x in rng.uniform(-1.5e-6, 1.5e-6, (25, 2)):
        points = np.stack([np.full_like(z, x), np.full_like(z, y), z])
        inside = np.array([np.all(g.normals @ points <= g.offsets[:, None], axis=0) for g in sample.grains])
        assert inside.sum(axis=0).max() <= 1  # grains are disjoint
        found = sum(float(chord_length(g, np.array(y), np.array(x))) for g in sample.grains)
        crossed.append(int(inside.any(axis=1).sum()))
        assert found == pytest.approx(inside.sum() * step, abs=2 * step * max(1, crossed[-1]))
    assert max(crossed) == 1 if kind == "columns" else max(crossed) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_particle_stays_inside_its_size_and_the_seed_decides(kind: str) -> None:
    sample = _draw(kind)
    for grain in sample.grains:
        corners = polyhedron.corners(grain.normals, grain.offsets)
        assert np.all(np.abs(corners) <= np.array(SIZE) / 2 * 1.15)
    np.testing.assert_array_equal(_draw(kind).grains[3].offsets, sample.grains[3].offsets)
    assert not np.array_equal(_draw(kind, seed=2).grains[3].offsets, sample.grains[3].offsets)


def test_platelet_is_thin_along_its_axis_which_lies_as_asked() -> None:
    for grain in _draw("platelets").grains:
        reach = polyhedron.corners(grain.normals, grain.offsets) @ grain.axis
        other = polyhedron.corners(grain.normals, grain.offsets) @ grain.normals[0]
        assert np.ptp(reach) == pytest.approx(0.25 * np.ptp(other), rel=1e-6)
        assert abs(np.arcsin(grain.axis[2])) <= 0.9


def test_more_platelets_than_find_room_are_refused() -> None:
    with pytest.raises(UsageError, match="platelets find no room in the particle; wanted fewer"):
        particle("platelets", size=(6e-6, 5e-6, 0.1e-6), n_grains=6, max_tilt=0.1, seed=np.random.SeedSequence(1))
    with pytest.raises(UsageError, match="specimen 'sponge' is not known; wanted one of columns, aggregate, platelets"):
        _draw("sponge")


def test_faces_that_bound_nothing_are_left_out_and_the_box_fits() -> None:
    faces = np.concatenate([np.eye(3), -np.eye(3)])
    far = np.array([[0.6, 0.8, 0.0]])
    solid = polyhedron.trimmed(np.concatenate([faces, far]), np.array([1, 2, 3, 1, 2, 3, 9.0]) * 1e-6)
    assert len(solid.normals) == 6
    np.testing.assert_allclose(solid.low, [-1e-6, -2e-6, -3e-6], rtol=1e-9)
    np.testing.assert_allclose(solid.high, [1e-6, 2e-6, 3e-6], rtol=1e-9)


def test_empty_body_has_no_corners_and_is_nowhere_seen() -> None:
    faces = np.concatenate([np.eye(3), -np.eye(3)])
    empty = phantom.Grain(faces, np.array([1, 1, -1, 1, 1, -1]) * 1e-6, np.eye(3)[0])
    assert polyhedron.corners(empty.normals, empty.offsets).shape == (0, 3)
    found = phantom.project(Phantom((empty,)), shape=(8, 8), pixel_size=1e-6)
    assert not found.thickness.any()


def test_grain_partly_outside_the_image_is_seen_as_far_as_it_reaches() -> None:
    sample = _draw("aggregate")
    whole = phantom.project(sample, shape=(80, 80), pixel_size=100e-9)
    part = phantom.project(sample, shape=(20, 24), pixel_size=100e-9)
    np.testing.assert_allclose(part.thickness, whole.thickness[30:50, 28:52], atol=1e-18)
