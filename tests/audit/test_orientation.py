"""The eight orientations are the group of the square, and its degenerate pairs leave all patterns as they are."""

import itertools

import numpy as np
import pytest

from picpxct_nx.audit.orientation import (
    ALL,
    AS_RECORDED,
    CLASSES,
    Orientation,
    class_of,
    equivalents,
    parse,
)
from picpxct_nx.errors import UsageError
from picpxct_nx.values import Array

WINDOW, SIDE = 9, 21


def test_they_are_a_group_of_eight() -> None:
    assert len(set(ALL)) == 8
    for a, b in itertools.product(ALL, ALL):
        assert a @ b in ALL
    for each in ALL:
        assert each @ each.inverse == AS_RECORDED
        twice = -each
        assert -twice == each
        assert each @ -each.inverse == -AS_RECORDED


def test_sixty_four_pairs_are_four_classes_of_sixteen_and_relate_like_a_homomorphism() -> None:
    pairs = list(itertools.product(ALL, ALL))
    classes = [class_of(g.inverse @ h) for g, h in pairs]
    assert {member: classes.count(member) for member in CLASSES} == dict.fromkeys(CLASSES, 16)
    for (g, h), (k, m) in itertools.product(pairs[::5], pairs[::7]):
        together = class_of((g @ k).inverse @ (h @ m))
        assert together == class_of(class_of(g.inverse @ h) @ class_of(k.inverse @ m))


def test_a_direction_turns_as_the_matrix_says() -> None:
    y, x = Orientation("+x", "-y").of(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    # Recorded y is the laboratory's -x, recorded x its y.
    assert [y.tolist(), x.tolist()] == [[0.0, 1.0], [-1.0, 0.0]]
    assert Orientation("+x", "-y").direction("+y") == "-x"
    assert Orientation("+x", "-y").direction("-x") == "-y"


def test_equivalents_are_the_eight_ways_to_say_the_same() -> None:
    relative = Orientation("-x", "+y")
    found = equivalents(relative)
    assert found[0] == (AS_RECORDED, relative)
    assert len(set(found)) == 8
    assert {g.inverse @ h for g, h in found} == {relative}


@pytest.mark.parametrize("text", ["", "+y", "+y,+y", "y,x", "+x,+y,+x", "+z,+x"])
def test_a_text_that_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"stage '.*': wanted the recorded directions along y and x, one of \+y,\+x"):
        parse(text, "stage")


def test_texts_come_back() -> None:
    assert [parse(str(each), "stage") for each in ALL] == list(ALL)


def _turn(image: Array, orientation: Orientation) -> Array:
    """I'(t r) = I(r) of a square image of odd size about its middle."""
    size = image.shape[0]
    index = np.indices(image.shape) - size // 2
    y, x = orientation.of(index[0], index[1])
    made = np.empty_like(image)
    made[(y + size // 2).astype(int), (x + size // 2).astype(int)] = image
    return made


def _patterns(image: Array, probe: Array, places: Array) -> list[Array]:
    half, middle = WINDOW // 2, SIDE // 2
    found = []
    for y, x in places + middle:
        wave = probe * image[y - half : y + half + 1, x - half : x + half + 1]
        found.append(np.abs(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(wave)))) ** 2)
    return found


@pytest.fixture(scope="module")
def chiral() -> tuple[Array, Array, Array]:
    """Object, probe and positions without any symmetry."""
    rng = np.random.default_rng(5)
    image = rng.normal(size=(SIDE, SIDE)) + 1j * rng.normal(size=(SIDE, SIDE))
    probe = rng.normal(size=(WINDOW, WINDOW)) + 1j * rng.normal(size=(WINDOW, WINDOW))
    return image, probe, rng.integers(-5, 6, (7, 2))


@pytest.mark.parametrize("k", ALL, ids=str)
def test_a_laboratory_turned_as_a_whole_changes_nothing(chiral: tuple[Array, Array, Array], k: Orientation) -> None:
    image, probe, places = chiral
    turned = np.stack(k.of(places[:, 0], places[:, 1]), 1).astype(int)
    found = _patterns(_turn(image, k), _turn(probe, k), turned)
    for one, other in zip(found, _patterns(image, probe, places), strict=True):
        np.testing.assert_allclose(one, _turn(other, k), rtol=1e-9)


def test_conjugate_object_and_probe_turn_frames_by_180_degrees(chiral: tuple[Array, Array, Array]) -> None:
    image, probe, places = chiral
    found = _patterns(image.conj(), probe.conj(), places)
    for one, other in zip(found, _patterns(image, probe, places), strict=True):
        np.testing.assert_allclose(one, _turn(other, -AS_RECORDED), rtol=1e-9)
