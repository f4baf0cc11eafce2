"""Comparisons: equal means equal, close means within what was stated, and nothing is overlooked."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from picpxct_nx.records import Reconstruction, Record
from picpxct_nx.rerun.compare import compare
from picpxct_nx.values import Array


@pytest.fixture
def stored(sample: Callable[[str], Record]) -> Reconstruction:
    record = sample("reconstruction")
    assert isinstance(record, Reconstruction)
    return record


def changed(record: Reconstruction, change: Callable[[Array], object]) -> Reconstruction:
    image = np.array(record.transmission)
    change(image)
    return replace(record, transmission=image)


def test_a_record_equals_itself_under_another_name_and_history(stored: Reconstruction) -> None:
    found = compare(stored, replace(stored, uuid="other", history=()), 0.0)
    assert (found.agreement, found.differences, found.relative) == ("equal", (), 0.0)
    assert found.arrays >= 10


def test_the_last_bit_of_one_pixel_is_a_difference(stored: Reconstruction) -> None:
    def nudge(image: Array) -> None:
        image[3, 4] = np.nextafter(image[3, 4].real, np.float32(2)) + 1j * image[3, 4].imag

    (one,) = compare(stored, changed(stored, nudge), 1e-3).differences
    assert one.path == "object/transmission"
    assert one.agreement == "close"
    assert 0 < one.relative < 1e-6
    assert compare(stored, changed(stored, nudge), 0.0).agreement == "different"


def test_the_difference_is_the_root_mean_square_relative_to_what_is_stored(stored: Reconstruction) -> None:
    found = compare(stored, replace(stored, transmission=np.array(stored.transmission) * np.complex64(1.01)), 0.02)
    assert found.agreement == "close"
    assert found.relative == pytest.approx(0.01, rel=1e-4)


def test_a_value_that_is_no_number_in_one_of_them_is_a_difference_at_any_tolerance(stored: Reconstruction) -> None:
    found = compare(stored, changed(stored, lambda image: image.__setitem__((0, 0), np.nan)), 1e9)
    assert found.agreement == "different"
    assert "1 values are finite in one of them only" in found.differences[0].told
    nan = changed(stored, lambda image: image.__setitem__((0, 0), np.nan))
    assert compare(nan, nan, 0.0).agreement == "equal"


def test_texts_shapes_and_missing_values_are_differences(stored: Reconstruction) -> None:
    for other in (
        replace(stored, title="other"),
        replace(stored, y=stored.y[:-1]),
        replace(stored, coverage=None),
        replace(stored, extra={**stored.extra, "new": 1.0}),
        replace(stored, engine=np.array(["dm"] * len(np.asarray(stored.engine)), dtype=object)),
    ):
        found = compare(stored, other, 1.0)
        assert found.agreement == "different"
        assert len(found.differences) == 1
        assert found.as_json()["differences"][0]["relative"] is None
