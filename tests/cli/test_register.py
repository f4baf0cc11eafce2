"""picpxct register: what it writes, says and refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx.nexus import open_valid, read, write
from picpxct_nx.records import SpectralCube
from picpxct_nx.simulate import images, phantom

from .conftest import Call, message

ENERGIES = [5460.0, 5482.0]


@pytest.fixture
def aligned(make_cube: Callable[..., SpectralCube], tmp_path: Path) -> SpectralCube:
    """A cube of two energies and two rotations, the second 1 deg too far, in aligned.nxs."""
    specimen = phantom.polycrystal(
        size=(1.5e-6, 1.2e-6, 1.1e-6), n_grains=5, max_tilt=0.5, seed=np.random.SeedSequence(3)
    )
    view = images.View((80, 80), 3e-8)
    turned = [
        images.image_stack(specimen, view, ENERGIES, rotation=np.deg2rad(angle), shifts_px=np.tile(shift, (2, 1)))
        for angle, shift in ((0.0, (0.0, 0.0)), (91.0, (1.5, -2.0)))
    ]
    cube = make_cube(images.with_noise(np.stack(turned), 0.005, 0), ENERGIES, np.deg2rad([0, 90]), stage="aligned")
    write(tmp_path / "aligned.nxs", [cube])
    return cube


def test_an_aligned_cube_becomes_a_valid_registered_one(call: Call, aligned: SpectralCube, tmp_path: Path) -> None:
    result = call("register", "aligned.nxs", "-o", "registered.nxs", "--json")
    assert result.exit_code == 0
    first, second = json.loads(result.stdout)["polarisations"]
    assert first["reference"]
    assert second["rotation_deg"] == pytest.approx(91.0, abs=0.1)
    assert second["shift_px"] == pytest.approx([-1.97, -1.53], abs=0.1)
    assert second["turned_error_deg"] < 0.1
    assert "polarisation 2 (89.0" in result.stderr
    assert "the others are brought onto it (first polarisation)" in result.stderr
    assert call("validate", "registered.nxs").exit_code == 0
    with open_valid(tmp_path / "registered.nxs", "a") as file:
        product = read(file, "cube")
        assert isinstance(product, SpectralCube)
        assert product.stage == "registered"
        assert np.asarray(product.extra["registration/mutual_information"]).shape == (2,)
        assert product.history[-1].parameters["model"] == "rigid"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--on", "t-1"), 2, "wanted one of gradient, phase"),
        (("--model", "affine"), 2, "wanted one of translation, rigid, similarity"),
        (("--search", "10"), 2, "has no unit"),
        (("--search", "60 deg"), 2, "wanted an angle above 0 and up to 45 deg"),
        (("--search", "0.4 deg"), 70, "at the limit of the search"),
        (("--bins", "2"), 2, ""),
        (("--reference", "45 deg"), 65, "has no polarisation at 45 deg; it has 0, 90 deg"),
    ],
)
def test_what_it_cannot_do_is_said_in_one_line(
    call: Call, aligned: SpectralCube, tmp_path: Path, words: tuple[str, str], code: int, says: str
) -> None:
    result = call("register", "aligned.nxs", "-o", "registered.nxs", *words)
    assert result.exit_code == code
    assert says in (message(result) if says else result.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["aligned.nxs"]


def test_the_missing_step_is_named(call: Call, make_cube: Callable[..., SpectralCube], tmp_path: Path) -> None:
    images_ = np.ones((2, 2, 8, 8), complex)
    write(tmp_path / "stack.nxs", [make_cube(images_, ENERGIES, [0.0, 1.0])])
    result = call("register", "stack.nxs", "-o", "registered.nxs")
    assert result.exit_code == 65
    assert "is stacked; register wants aligned: run picpxct align first" in message(result)
    write(tmp_path / "one.nxs", [make_cube(images_[:1], ENERGIES, [0.0], stage="aligned")])
    result = call("register", "one.nxs", "-o", "registered.nxs")
    assert result.exit_code == 65
    assert "nothing to register; picpxct normalize takes an aligned cube of one polarisation" in message(result)
