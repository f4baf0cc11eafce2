"""picpxct align: what it writes, says and refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from picpxct_nx.nexus import open_valid, read, write
from picpxct_nx.records import SpectralCube
from picpxct_nx.simulate import images, phantom

from .conftest import Call, Run, message

ENERGIES = np.array([5460.0, 5471.0, 5482.0])


@pytest.fixture
def stack(make_cube: Callable[..., SpectralCube], tmp_path: Path) -> SpectralCube:
    """A cube of three energies and two rotations, in stack.nxs."""
    specimen = phantom.polycrystal(
        size=(1.2e-6, 1.0e-6, 0.9e-6), n_grains=5, max_tilt=0.5, seed=np.random.SeedSequence(3)
    )
    view = images.View((64, 64), 3e-8)
    moves = np.array([[0.0, 0.0], [1.5, -2.0], [-0.7, 0.4]])
    turned = [
        images.image_stack(specimen, view, list(ENERGIES), rotation=angle, shifts_px=moves)
        for angle in (0.0, np.pi / 2)
    ]
    cube = make_cube(images.with_noise(np.stack(turned), 0.01, 0), ENERGIES, [0.0, np.pi / 2])
    write(tmp_path / "stack.nxs", [cube])
    return cube


def test_a_stacked_cube_becomes_a_valid_aligned_one(call: Call, stack: SpectralCube, tmp_path: Path) -> None:
    result = call("align", "stack.nxs", "-o", "aligned.nxs", "--json")
    assert result.exit_code == 0
    first, second = json.loads(result.stdout)["polarisations"]
    moved = np.array(first["shift_px"])
    np.testing.assert_allclose(moved[1] - moved[0], [-1.5, 2.0], atol=0.05)
    assert first["error_px"] < 0.05
    assert second["reference_ev"] in ENERGIES
    assert "polarisation 2 (90 deg): 3 energies by mean on gradient, largest shift" in result.stderr
    assert call("validate", "aligned.nxs").exit_code == 0
    with open_valid(tmp_path / "aligned.nxs", "a") as file:
        product = read(file, "cube")
        assert isinstance(product, SpectralCube)
        assert np.asarray(product.extra["projections/shift_errors"]).shape == (2, 3, 2)
        assert product.history[-1].parameters["on"] == "gradient"


def test_shifts_are_applied_again_down_a_pipe(shell: Run, stack: SpectralCube) -> None:
    line = (
        "picpxct align stack.nxs -o a.nxs && cat stack.nxs | picpxct align --from a.nxs > b.nxs && picpxct info b.nxs"
    )
    run = shell(line)
    assert run.returncode == 0, run.stderr.decode()
    assert b"stage: aligned" in run.stdout
    assert b"by the shifts of another cube" in run.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--on", "od"), 2, "wanted one of gradient, phase, t-1"),
        (("--strategy", "sequential"), 2, "wanted one of reference, mean, all-pairs"),
        (("--reference", "5475 eV"), 65, "has no projection at 5475.0 eV"),
        (("--reference", "5475"), 2, "has no unit"),
        (("--max-shift", "10 nm"), 65, "--max-shift allows 10 nm"),
        (("--from", "stack.nxs"), 65, "align --from wants aligned: run picpxct align first"),
        (("--from", "none.nxs"), 66, "none.nxs: is not there"),
    ],
)
def test_what_it_cannot_do_is_said_in_one_line(
    call: Call, stack: SpectralCube, tmp_path: Path, words: tuple[str, str], code: int, says: str
) -> None:
    result = call("align", "stack.nxs", "-o", "aligned.nxs", *words)
    assert result.exit_code == code
    assert says in message(result)
    assert [path.name for path in tmp_path.iterdir()] == ["stack.nxs"]


def test_a_raw_scan_is_refused(call: Call, made: Path) -> None:
    result = call("align", made / "scan.nxs", "-o", "aligned.nxs")
    assert result.exit_code == 65
