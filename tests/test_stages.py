"""Stages: a command names the stage found, the stage wanted and the command that is missing."""

from collections.abc import Callable

import pytest

from picpxct_nx import stages
from picpxct_nx.errors import InputError
from picpxct_nx.records import Reconstruction, Record, SpectralCube

Make = Callable[..., Record]


def test_a_product_of_the_wanted_stage_passes(make_record: Make) -> None:
    record = make_record("NXspecptycho_reconstruction", stage="reconstructed")
    assert isinstance(record, Reconstruction)
    stages.require(record, "reconstructed", "flatten")


@pytest.mark.parametrize(
    ("found", "wanted", "command", "remedy"),
    [
        ("stacked", "aligned", "register", "run picpxct align first"),
        ("stacked", "registered", "normalize", "run picpxct align, then register first"),
        ("registered", "aligned", "register", "it has been through register already; give the file from before"),
    ],
)
def test_another_stage_is_refused_with_the_way_on(
    make_record: Make, found: str, wanted: str, command: str, remedy: str
) -> None:
    cube = make_record("NXspecptycho_cube", stage=found, entry="cube")
    assert isinstance(cube, SpectralCube)
    with pytest.raises(InputError) as refused:
        stages.require(cube, wanted, command)
    assert str(refused.value) == f"cube: is {found}; {command} wants {wanted}: {remedy}"
