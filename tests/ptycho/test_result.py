"""Centring the probe is a change of gauge: frames stay what they are."""

import numpy as np

from picpxct_nx.ptycho import Result, centre_probe
from picpxct_nx.ptycho.result import centre_of_mass


def result_with(row: int, column: int) -> Result:
    rng = np.random.default_rng(0)
    axis = np.arange(16)
    probe = np.exp(-(((axis[:, None] - row) / 2) ** 2) - ((axis - column) / 2) ** 2)[None].astype(np.complex64)
    image = np.ones((40, 40), np.complex64)
    image[12:28, 12:28] = np.exp(1j * rng.random((16, 16)))
    positions = np.array([[10.0, 11.0], [13.0, 12.0], [12.0, 14.0]])
    dose = np.zeros((40, 40), np.float32)
    return Result(image, probe, positions, np.zeros(0), (), dose, "done", "")


def frames_of(result: Result) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    return [
        np.abs(np.fft.fft2(result.probe[0] * result.object[row : row + 16, column : column + 16])) ** 2
        for row, column in result.positions_px.astype(int)
    ]


def test_centre_of_mass_is_where_the_probe_is() -> None:
    row, column = centre_of_mass(result_with(6, 9).probe)
    assert abs(row - 6) < 0.05
    assert abs(column - 9) < 0.05


def test_centred_probe_gives_the_same_frames() -> None:
    result = result_with(6, 9)
    centred = centre_probe(result)
    row, column = centre_of_mass(centred.probe)
    assert abs(row - 8) < 0.5
    assert abs(column - 8) < 0.5
    np.testing.assert_allclose(frames_of(centred), frames_of(result), rtol=1e-3, atol=1e-3)


def test_centred_probe_stays() -> None:
    result = result_with(8, 8)
    assert centre_probe(result) is result
