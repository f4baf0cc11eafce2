"""Chosen air: boxes in the laboratory and masks, and what is said of those that do not fit."""

import numpy as np
import pytest

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.images.air_choice import AirChoice, Box, in_boxes, parse_boxes

AXIS = np.arange(-5, 5) * 1e-6


def test_a_box_is_in_metres_and_either_end_may_be_open() -> None:
    boxes = parse_boxes("y=-3um:-2um,x=:0.001mm; y=3000nm:")
    assert boxes == (Box((-3e-6, -2e-6), (-np.inf, 1e-6)), Box((3e-6, np.inf)))
    mask = in_boxes(boxes, AXIS, AXIS)
    assert mask[2:4, :7].all()
    assert mask[8:].all()
    assert mask.sum() == 2 * 7 + 2 * 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("y=-3:-2", "has no unit"),
        ("z=1um:2um", "cannot read 'z=1um:2um'"),
        ("y=1um:2um,y=3um:4um", "cannot read"),
        ("y=2um", "is no range"),
        ("y=:", "is no range"),
        ("y=2um:1um", "ends before it begins"),
        ("y=1s:2s", "not convertible"),
        (";", "names no box"),
    ],
)
def test_a_box_that_cannot_be_read_is_a_usage_error(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_boxes(text)


def test_a_box_beside_the_image_names_the_image() -> None:
    choice = AirChoice("box", "y=1mm:2mm", parse_boxes("y=1mm:2mm"))
    with pytest.raises(InputError, match=r"a: no pixel lies in --air .* from y=-5.00 to 4.00um"):
        choice.mask("a", AXIS, AXIS)


def test_a_mask_is_taken_by_the_name_of_the_entry_and_must_fit() -> None:
    masks = {"a": np.ones((10, 10), bool), "b": np.ones((9, 10), bool)}
    choice = AirChoice("file", "file", masks=masks)
    assert choice.mask("a", AXIS, AXIS) is masks["a"]
    with pytest.raises(InputError, match="b: the mask of --air is 9 x 10 px, the image 10 x 10 px"):
        choice.mask("b", AXIS, AXIS)
    with pytest.raises(InputError, match="c: --air has no mask of that name, only a, b"):
        choice.mask("c", AXIS, AXIS)
    assert AirChoice("file", "file", masks={"any.npy": masks["a"]}).mask("c", AXIS, AXIS) is masks["a"]
