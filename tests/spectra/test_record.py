"""Normalised spectra as a record: what is stored is enough to know every error."""

import dataclasses

import numpy as np
import pytest

from picpxct_nx.errors import InputError
from picpxct_nx.records import NormalizedCube
from picpxct_nx.spectra.options import Options
from picpxct_nx.spectra.record import normalise_cube, point_errors, sentence, summary

from .conftest import E0, MakeCube


def _record(make_cube: MakeCube, seed: int = 0, noise: float = 0.01) -> NormalizedCube:
    return normalise_cube(make_cube(noise=noise, seed=seed)[0], Options(E0, density=3357.0))


@pytest.mark.parametrize("kind", ["xanes", "xpnes"])
def test_errors_of_single_points_are_those_of_repeated_measurements(make_cube: MakeCube, kind: str) -> None:
    truth = make_cube()[1]
    records = [_record(make_cube, seed) for seed in range(12)]
    for e in (3, 25, 60):
        drawn = np.array([np.asarray(getattr(record, kind))[0, e][truth.inner] for record in records])
        said = np.mean([point_errors(record, kind, 0, e)[truth.inner] ** 2 for record in records])
        assert np.sqrt(said) == pytest.approx(np.sqrt(np.mean(np.var(drawn, axis=0, ddof=1))), rel=0.08)


def test_what_was_divided_by_can_be_put_back(make_cube: MakeCube) -> None:
    cube, truth = make_cube(noise=0.0)
    record = normalise_cube(cube, Options(E0))
    density = np.asarray(record.xanes)[1] * np.asarray(record.xanes_scale)[1]
    measured = -2 * np.log(np.abs(np.asarray(cube.transmission)[1]))
    before = measured[np.asarray(cube.energy_ev) - E0 <= -16].mean(axis=0)
    np.testing.assert_allclose(density[:, truth.inner], (measured - before)[:, truth.inner], atol=1e-3)


def test_the_summary_accounts_for_every_pixel(make_cube: MakeCube) -> None:
    record = _record(make_cube)
    told = summary(record)
    assert told["usable"] + sum(told["masked"].values()) == pytest.approx(1)
    assert told["thickness_scale_m"] == record.thickness_scale
    assert record.history[-1].parameters["table_accuracy"] == 0.02
    assert "too thin" in sentence(record)


def test_errors_without_what_they_take_are_refused(make_cube: MakeCube) -> None:
    record = dataclasses.replace(_record(make_cube), density_noise=None)
    with pytest.raises(InputError, match="normalise the cube again"):
        point_errors(record, "xanes", 0, 0)
