"""Stacking: every projection on one grid, equal to the truth there; what makes no cube is refused."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from picpxct_nx.errors import InputError, UsageError
from picpxct_nx.images.projection import project
from picpxct_nx.images.stack import StackOptions, options, stack
from picpxct_nx.images.stack_record import Stated, make_cubes
from picpxct_nx.manifest import parse
from picpxct_nx.provenance import Input
from picpxct_nx.records import Reconstruction, SpectralCube
from picpxct_nx.simulate.faultless import PARTICLE, PIXEL, flattened
from picpxct_nx.simulate.images import View, image_stack
from picpxct_nx.values import Value

QUARTER, DEFAULT = np.pi / 2, StackOptions()
PLAN = [(e, r) for r in (0.0, QUARTER) for e in (5460.0, 5471.0, 5515.0)]


def cubes(records: Sequence[Reconstruction], choice: StackOptions = DEFAULT, manifest: str = "") -> list[SpectralCube]:
    stated = Stated(parse(manifest, "m.csv"), Input(checksum="0" * 64, file_name="m.csv")) if manifest else None
    return make_cubes([project(r, choice.least_coverage) for r in records], choice, stated, lambda _: None)


@pytest.fixture(scope="module")
def records() -> list[Reconstruction]:
    return [flattened(e, r) for e, r in PLAN]


def test_every_projection_is_the_truth_on_the_common_grid(records: list[Reconstruction]) -> None:
    (cube,) = cubes(records[::-1])
    assert cube.transmission.shape[:2] == (2, 3)
    h, w = cube.known.shape[1:]
    assert h % 2 == w % 2 == 0
    assert cube.y[h // 2] == cube.x[w // 2] == 0.0
    assert cube.y[1] - cube.y[0] == pytest.approx(PIXEL)
    np.testing.assert_allclose(cube.energy_ev, [5460.0, 5471.0, 5515.0])
    np.testing.assert_allclose(cube.polarization_angle, [0.0, QUARTER], atol=1e-9)
    view = View((h, w), PIXEL, 0.8, 1)
    for row, rotation in enumerate((0.0, QUARTER)):
        truth = image_stack(PARTICLE, view, list(cube.energy_ev), rotation=rotation)
        for column in range(3):
            error = (cube.transmission[row, column] - truth[column])[cube.known[row]]
            # noise 0.003 in both parts, and what sharp edges lose beyond the coarser grid
            assert np.sqrt(np.mean(np.abs(error) ** 2)) < 0.008


def test_known_and_air_hold_for_all_energies(records: list[Reconstruction]) -> None:
    (cube,) = cubes(records)
    assert cube.air is not None
    assert cube.known.any(axis=(1, 2)).all()
    assert not (cube.air & ~cube.known).any()
    assert np.all(cube.transmission[:][:, :, ~cube.known[0]][0] == 1)
    assert abs(np.mean(cube.transmission[0, 0][cube.air[0]]) - 1) < 2e-3
    np.testing.assert_allclose(cube.phase, np.angle(cube.transmission[:].mean(axis=1)), atol=1e-5)


def test_air_is_what_most_projections_call_air() -> None:
    """What is missed by chance in each must not be missed in all."""
    whole = [flattened(5460.0 + 2 * n) for n in range(9)]
    rng = np.random.default_rng(0)
    # A third of the air of each is missed, in blocks of 4 x 4 pixels.
    lost = [np.kron(rng.random((16, 16)) < 1 / 3, np.ones((4, 4), bool))[: 64 - 3, : 64 - 1] for _ in whole]
    patchy = [dataclasses.replace(r, air=np.asarray(r.air) & ~gap) for r, gap in zip(whole, lost, strict=True)]
    (full,), (cube,) = cubes(whole), cubes(patchy)
    assert full.air is not None
    assert cube.air is not None
    assert cube.air.sum() > 0.6 * full.air.sum()
    assert not (cube.air & ~full.air).any()
    # All of the nine have next to none in common.
    everywhere = np.all([np.asarray(r.air) for r in patchy], axis=0)
    assert everywhere.sum() < 0.06 * full.air.sum()


def test_the_cube_says_where_each_projection_came_from(records: list[Reconstruction]) -> None:
    (cube,) = cubes(records)
    uuids = np.asarray(cube.extra["projections/source_uuid"])
    assert uuids[1, 2] == records[5].uuid
    noise = np.asarray(cube.extra["projections/noise"])
    assert cube.air is not None
    for row, column in np.ndindex(noise.shape):
        assert np.std(cube.transmission[row, column][cube.air[row]].imag) == pytest.approx(noise[row, column], rel=0.1)
    assert [i.uuid for i in cube.history[-1].inputs] == [r.uuid for r in records]
    assert [s.command for s in cube.history] == ["reconstruct", "flatten"] * 6 + ["stack"]
    assert cube.entry == "cube"
    assert cube.title == "particle, 3 energies, 2 polarisations"


def test_energies_are_measured_and_nominal() -> None:
    (cube,) = cubes([flattened(e, r) for e, r in [(5460.0, 0.0), (5471.0, 0.0), (5460.1, QUARTER), (5470.96, QUARTER)]])
    np.testing.assert_allclose(cube.energy_ev, [5460.05, 5470.98])
    np.testing.assert_allclose(cube.measured_energy_ev, [[5460.0, 5471.0], [5460.1, 5470.96]])


def test_repeats_are_refused_averaged_or_left_out(records: list[Reconstruction]) -> None:
    again = flattened(5460.1, seed=1, entry="again")
    with pytest.raises(InputError, match=r"scan_E054600_R000 and again are one energy .* say --repeats mean or first"):
        cubes([*records, again])
    (first,) = cubes([*records, again], StackOptions(repeats="first"))
    (mean,) = cubes([*records, again], StackOptions(repeats="mean"))
    assert mean.measured_energy_ev[0, 0] == pytest.approx(5460.05)
    assert str(np.asarray(mean.extra["projections/source_uuid"])[0, 0]).split() == [records[0].uuid, again.uuid]
    assert first.air is not None
    spread = [np.std(cube.transmission[0, 0][first.air[0]]) for cube in (first, mean)]
    assert spread[1] == pytest.approx(spread[0] / np.sqrt(2), rel=0.2)


def test_a_missing_energy_is_refused_or_left_empty(records: list[Reconstruction]) -> None:
    with pytest.raises(InputError, match=r"no projection at 5471.000 eV .* say --union"):
        cubes([*records[:4], records[5]])
    (cube,) = cubes([*records[:4], records[5]], StackOptions(union=True))
    assert cube.valid.tolist() == [[True, True, True], [True, False, True]]
    assert np.isnan(cube.measured_energy_ev[1, 1])
    assert np.isnan(cube.transmission[1, 1]).all()
    assert np.isfinite(cube.phase).all()


def test_mixed_samples_are_refused(records: list[Reconstruction]) -> None:
    other = flattened(5482.0, sample="another")
    with pytest.raises(InputError, match=r"scan_E054820_R000 is of sample 'another' \(O5 V2\), scan_E054600_R000 of"):
        cubes([*records, other])


def test_pixels_that_do_not_follow_the_wavelength_are_refused(records: list[Reconstruction]) -> None:
    odd = flattened(5482.0)
    odd = dataclasses.replace(odd, y=odd.y * 1.01, x=odd.x * 1.01)
    with pytest.raises(
        InputError, match=r"scan_E054820_R000: its pixels are 50.297 nm at 5482 eV; the others make that"
    ):
        cubes([*records, odd])


def test_what_no_cube_can_hold_is_refused() -> None:
    good = flattened()
    flat = dataclasses.replace(good, y=good.y * 1.05)
    with pytest.raises(InputError, match=r"its pixels are 52.5 x 50 nm; wanted square ones"):
        project(flat, 0.1)
    with pytest.raises(InputError, match="is reconstructed; stack wants flattened: run picpxct flatten first"):
        project(flattened(stage="reconstructed"), 0.1)
    holes = good.transmission.copy()
    holes[30, 30] = np.nan
    with pytest.raises(InputError, match="1 pixels of the known field are not finite"):
        project(dataclasses.replace(good, transmission=holes), 0.1)
    with pytest.raises(InputError, match="is zero everywhere"):
        project(dataclasses.replace(good, coverage=np.zeros_like(good.coverage)), 0.1)
    with pytest.raises(InputError, match="far from the axis of rotation at 0"):
        cubes([dataclasses.replace(good, x=good.x + 1e-4)])
    with pytest.raises(InputError, match="have no known pixel in common"):
        cubes([good, dataclasses.replace(there := flattened(5471.0), x=there.x + 4.2e-6)])
    with pytest.raises(InputError, match="not evenly ascending"):
        project(dataclasses.replace(good, x=good.x[::-1]), 0.1)
    with pytest.raises(InputError, match="found no reconstruction"):
        cubes([])


def test_two_scans_of_one_name_are_refused_and_the_same_twice_is_one(records: list[Reconstruction]) -> None:
    with pytest.raises(InputError, match="two reconstructions are called scan_E054600_R000"):
        cubes([*records, flattened(title="another")])
    assert cubes([*records, records[0]])[0].transmission.shape[:2] == (2, 3)


def test_a_manifest_overrides_and_says_so(records: list[Reconstruction]) -> None:
    rows = "".join(f"{r.entry},{r.energy_ev + 0.5},{np.rad2deg(r.rotation) + 10}\n" for r in records)
    (cube,) = cubes(records, manifest="scan,energy (eV),sample_rotation (deg)\n" + rows)
    np.testing.assert_allclose(cube.energy_ev, [5460.5, 5471.5, 5515.5])
    np.testing.assert_allclose(np.rad2deg(cube.rotation), [100.0, 10.0])
    parameters = cube.history[-1].parameters
    np.testing.assert_allclose(
        np.sort(np.asarray(parameters["energy_in_file"])), np.sort([r.energy_ev for r in records])
    )
    assert len(np.asarray(parameters["manifest_rotation_of"])) == 6
    assert cube.history[-1].inputs[-1].file_name == "m.csv"


def test_particle_sets_become_cubes_of_their_own(records: list[Reconstruction]) -> None:
    rows = "".join(f"{r.entry},{'set A' if r.rotation == 0 else 'B'}\n" for r in records)
    made = cubes(records, manifest="scan,particle_set\n" + rows)
    assert [cube.entry for cube in made] == ["cube_set_A", "cube_B"]
    assert made[0].extra["collection_identifier"] == "set A"
    assert [cube.transmission.shape[0] for cube in made] == [1, 1]
    with pytest.raises(InputError, match="particle set B: there is no projection at"):
        cubes(
            records, manifest="scan,particle_set\n" + rows.replace(f"{records[1].entry},set A", f"{records[1].entry},B")
        )
    with pytest.raises(InputError, match="two particle sets would both be called cube_B_"):
        cubes(records[:2], manifest=f"scan,particle_set\n{records[0].entry},B.\n{records[1].entry},B-\n")


def test_what_nobody_measured_stays_assumed(records: list[Reconstruction]) -> None:
    assumed = np.array(["sample/transformations/rotation"], dtype=object)
    (cube,) = cubes([dataclasses.replace(r, assumed=assumed) for r in records])
    assert cube.assumed is not None
    assert cube.assumed.tolist() == ["sample/rotation_angle"]


def test_the_coverage_decides_what_is_known() -> None:
    wide, narrow = (stack([project(flattened(), least)], StackOptions()).known.sum() for least in (0.05, 0.5))
    assert narrow < 0.8 * wide
    whole = flattened(coverage=None, air=None)
    made = stack([project(whole, 0.1)], StackOptions())
    assert made.air is None
    assert made.known.mean() > 0.9


def test_options_are_checked_before_anything_is_read() -> None:
    assert options("0.1 eV", "1 deg", "mean", 0.2, union=True).angle_tolerance == pytest.approx(np.deg2rad(1))
    for words in (("0.1", "1 deg", "mean", 0.1), ("-1 eV", "1 deg", "mean", 0.1), ("1 eV", "1 deg", "both", 0.1),
                  ("1 eV", "1 deg", "mean", 1.0)):  # fmt: skip
        with pytest.raises(UsageError):
            options(*words, union=False)


def test_a_projection_holds_its_image_until_it_is_in_the_cube_and_no_other_array(records: list[Reconstruction]) -> None:
    extra: dict[str, Value] = dict(records[0].extra)
    extra["m"] = np.ones((9, 9))
    full = dataclasses.replace(records[0], phase_sigma=records[0].phase, extra=extra)
    items = [project(record, DEFAULT.least_coverage) for record in (full, *records[1:])]
    assert items[0].record.phase_sigma is None
    assert "m" not in items[0].record.extra
    assert items[0].record.extra["flattening/noise"] == records[0].extra["flattening/noise"]
    assert items[0].transmission.shape != (0, 0)
    stack(items, DEFAULT)
    assert items[0].transmission.shape != (0, 0)
    make_cubes(items, DEFAULT, None, lambda _: None)
    assert {item.transmission.shape for item in items} == {(0, 0)}
