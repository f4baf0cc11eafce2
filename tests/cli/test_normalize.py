"""picpxct normalize: from a cube to spectra in a file, and what it refuses in one line."""

import dataclasses
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picpxct_nx import records
from picpxct_nx.cli.normalize import normalize
from picpxct_nx.nexus import open_valid, read, write
from picpxct_nx.provenance import step
from picpxct_nx.records import NormalizedCube, SpectralCube
from picpxct_nx.simulate import phantom
from picpxct_nx.simulate.images import View, image_stack, with_noise
from picpxct_nx.spectra.options import Options, choose
from picpxct_nx.spectra.record import point_errors

from .conftest import Call, message

E0 = ("--e0", "5483.4 eV")
ENERGIES = np.append(np.arange(5460.0, 5492.0, 1.0), np.arange(5492.0, 5521.0, 4.0))
VIEW = View(shape=(24, 26), pixel_size=1.6e-7, oversampling=2)


@pytest.fixture(scope="module")
def cube() -> SpectralCube:
    """A registered cube of a particle in two polarisations."""
    particle = phantom.polycrystal(
        size=(3.0e-6, 2.4e-6, 2.4e-6), n_grains=3, max_tilt=0.5, seed=np.random.SeedSequence(1)
    )
    clean = np.stack([image_stack(particle, VIEW, list(ENERGIES), polarisation=angle) for angle in (0.0, np.pi / 2)])
    y, x = phantom.axes(VIEW.shape, VIEW.pixel_size)
    images = with_noise(clean, 0.004, 0)
    rotation, stokes = np.array([0.0, -np.pi / 2]), np.tile([1.0, 1.0, 0.0, 0.0], (2, 1))
    aligned = SpectralCube(
        entry="particle",
        title="simulated particle",
        stage="registered",
        measured_energy_ev=np.tile(ENERGIES, (2, 1)),
        stokes=stokes,
        sample="V2O5",
        formula="O5 V2",
        rotation=rotation,
        transmission=images,
        polarization_angle=np.array([records.polarization_angle(s, r) for s, r in zip(stokes, rotation, strict=True)]),
        energy_ev=ENERGIES,
        y=y,
        x=x,
        valid=np.ones((2, len(ENERGIES)), bool),
        known=np.ones((2, *VIEW.shape), bool),
        air=np.tile(np.abs(clean - 1).max(axis=(0, 1)) < 0.003, (2, 1, 1)),
        phase=np.angle(images.mean(axis=1)).astype(np.float32),
        extra={"collection_identifier": "set A"},
    ).made_by(step("align", {}))
    return aligned.made_by(step("register", {}), (aligned,))


Save = Callable[..., str]


@pytest.fixture
def save(cube: SpectralCube, tmp_path: Path) -> Save:
    """Write the cube with some attributes changed."""

    def go(name: str = "cube.nxs", **changes: Any) -> str:
        write(tmp_path / name, [dataclasses.replace(cube, **changes)])
        return name

    return go


def _one_polarisation(cube: SpectralCube) -> dict[str, Any]:
    names = ("measured_energy_ev", "stokes", "rotation", "transmission", "polarization_angle", "valid", "known", "air",
             "phase")  # fmt: skip
    return {name: np.asarray(getattr(cube, name))[:1] for name in names}


def test_a_cube_becomes_valid_spectra_with_their_history(call: Call, save: Save, tmp_path: Path) -> None:
    result = call("normalize", save(), *E0, "--density", "3.357 g/cm^3", "-o", "spectra.nxs", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["e0_ev"], told["pre_edge_ev"]) == (5483.4, [-23.4, -16.0])
    assert told["optical_density_noise"] == pytest.approx(0.008, rel=0.2)
    assert told["usable"] + sum(told["masked"].values()) == pytest.approx(1)
    assert max(told["kramers_kronig_residual"]) < 0.1
    assert call("validate", "spectra.nxs").exit_code == 0
    with open_valid(tmp_path / "spectra.nxs", "a") as file:
        record = read(file, "particle")
        assert isinstance(record, NormalizedCube)
        assert record.thickness is not None
        assert 0.5e-6 < np.nanmax(record.thickness) < 3e-6
        assert record.extra["collection_identifier"] == "set A"
        newest = record.history[-1]
        assert [past.command for past in record.history] == ["align", "register", "normalize"]
        assert newest.parameters["density"] == pytest.approx(3357)
        assert newest.parameters["pre@units"] == "eV"
        assert newest.parameters["least_sigma"] == 3
        good = np.asarray(record.mask[0]) == 0
        sigma = point_errors(record, "xanes", 0, 20)
        # One point of a spectrum has the noise of the density, over the step.
        expected = np.asarray(record.density_noise)[0] / np.asarray(record.xanes_scale)[0]
        np.testing.assert_allclose(sigma[good], expected[good], rtol=0.4)


def test_the_defaults_of_the_command_are_those_of_the_library() -> None:
    defaults = {name: item.default for name, item in inspect.signature(normalize).parameters.items()}
    names = ("by", "pre", "post", "orders", "density", "scale", "least")
    assert choose({"e0": "5483.4 eV"} | {name: defaults[name] for name in names}) == Options(5483.4)


def test_it_says_what_it_chose(call: Call, save: Save) -> None:
    result = call("normalize", save(), *E0, "-o", "spectra.nxs")
    for words in (") was within", "windows -23.4:-16 and 20:36.6 eV", "thickness by off-edge-phase", "% air"):
        assert words in result.stderr
    assert call("normalize", save("b.nxs"), *E0, "-o", "quiet.nxs", "-q").stderr == ""


def test_windows_and_orders_are_as_asked(call: Call, save: Save) -> None:
    words = ("--pre", "-22:-17 eV", "--post", "0.01:0.03 keV", "--orders", "1,1", "--by", "edge-jump")
    told = json.loads(call("normalize", save(), *E0, *words, "--json", "-q").stdout)
    assert told["pre_edge_ev"] == [-22, -17]
    assert told["post_edge_ev"] == pytest.approx([10, 30])
    assert told["thickness_by"] == "edge-jump"
    assert told["thickness_scale_m"] is None


def test_an_aligned_cube_of_one_polarisation_will_do(call: Call, save: Save, cube: SpectralCube) -> None:
    name = save(stage="aligned", **_one_polarisation(cube))
    assert call("normalize", name, *E0, "-o", "spectra.nxs").exit_code == 0
    assert call("validate", "spectra.nxs").exit_code == 0


def test_a_cube_goes_through_pipes(shell: Callable[..., Any], save: Save) -> None:
    line = f"picpxct normalize --e0 '5483.4 eV' < {save()} | picpxct validate -"
    result = shell(line)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--e0", "5483.4"), "has no unit"),
        (("--e0", "5483.4 m"), "not convertible"),
        ((*E0, "--pre", "-16:-20 eV"), "is reversed"),
        ((*E0, "--pre", "-20:-16"), "wanted two numbers relative to e0 and a unit"),
        ((*E0, "--pre", "-20:5 eV"), "--pre ends at 5 eV"),
        ((*E0, "--post", "-1:20 eV"), "--post begins at -1 eV"),
        ((*E0, "--post", "5503:5520 eV"), "relative to e0, not 5503 eV"),
        ((*E0, "--by", "weight"), "--by 'weight' is not known"),
        ((*E0, "--orders", "2,0"), "--orders '2,0'"),
        ((*E0, "--min-thickness", "0.3 um"), "metres are not known"),
        ((*E0, "--min-thickness", "sigma:many"), "wanted sigma:K"),
        ((*E0, "--density", "3.357"), "has no unit"),
        ((*E0, "--density", "-3 g/cm^3"), "above zero"),
        ((*E0, "--density", "3 g/cm^3", "--thickness-scale", "2 um/rad"), "give one of them"),
        ((*E0, "--thickness-scale", "2 um"), "--thickness-scale: '2 um': 'um' is not convertible to 'm/rad'"),
    ],
)
def test_what_is_not_understood_is_a_usage_error(
    call: Call, save: Save, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    result = call("normalize", save(), *words, "-o", "spectra.nxs")
    assert result.exit_code == 2
    assert said in message(result)
    assert [path.name for path in tmp_path.iterdir()] == ["cube.nxs"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--e0", "5400 eV"), "e0 = 5400 eV lies outside the energies"),
        (("--e0", "auto"), "a peak of 0."),
        ((*E0, "--pre", "-60:-16 eV"), "the pre-edge window begins at -60 eV"),
        ((*E0, "--pre", ":-40 eV"), "no energy lies in the pre-edge window"),
        ((*E0, "--post", "50: eV"), "no energy lies in the post-edge window"),
        ((*E0, "--min-thickness", "sigma:1e9"), "are too thin"),
        ((*E0, "--density", "3 g/cm^3", "--post", "8: eV"), "where tables fail"),
    ],
)
def test_what_the_data_do_not_allow_is_bad_input(
    call: Call, save: Save, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    result = call("normalize", save(), *words, "-o", "spectra.nxs")
    assert result.exit_code == 65
    assert said in message(result)
    assert [path.name for path in tmp_path.iterdir()] == ["cube.nxs"]


def _bad(cube: SpectralCube, kind: str) -> dict[str, Any]:
    images = np.array(cube.transmission)
    if kind == "not finite":
        images[0, 3, 12, 12] = np.nan
        return {"transmission": images}
    if kind == "one energy":
        return {
            "transmission": images[:, :1], "energy_ev": ENERGIES[:1], "valid": np.asarray(cube.valid)[:, :1],
            "measured_energy_ev": np.asarray(cube.measured_energy_ev)[:, :1],
            "phase": np.angle(images[:, 0]).astype(np.float32),
        }  # fmt: skip
    changes: dict[str, dict[str, Any]] = {
        "stacked": {"stage": "stacked"},
        "aligned": {"stage": "aligned"},
        "no air": {"air": None},
        "all air": {"air": np.ones((2, *VIEW.shape), bool)},
        "no formula": {"formula": None},
    }
    return changes[kind]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("stacked", "is stacked; normalize wants registered: run picpxct align, then register first"),
        ("aligned", "is aligned; normalize wants registered: run picpxct register first"),
        ("no air", "nobody said where its air is"),
        ("all air", "no known pixel is anything but air"),
        ("no formula", "has no sample/chemical_formula"),
        ("one energy", "there is one energy"),
        ("not finite", "1 known pixels at 5463 eV"),
    ],
)
def test_a_cube_that_is_not_fit_is_bad_input(call: Call, save: Save, cube: SpectralCube, kind: str, said: str) -> None:
    result = call("normalize", save(**_bad(cube, kind)), *E0, "--density", "3 g/cm^3", "-o", "spectra.nxs")
    assert result.exit_code == 65
    assert said in message(result)


def test_a_lonely_polarisation_is_told_to_be_aligned(call: Call, save: Save, cube: SpectralCube) -> None:
    result = call("normalize", save(stage="stacked", **_one_polarisation(cube)), *E0, "-o", "spectra.nxs")
    assert result.exit_code == 65
    assert "normalize wants aligned: run picpxct align first" in message(result)


def test_the_edge_energy_must_be_said(call: Call, save: Save) -> None:
    result = call("normalize", save(), "-o", "spectra.nxs")
    assert result.exit_code == 2
    assert "--e0" in result.stderr
