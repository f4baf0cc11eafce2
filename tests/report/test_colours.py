"""Colours of the page: every kind of sight tells states and curves apart, and texts stand out from their ground."""

import itertools
import re
from importlib.resources import files

import numpy as np
import pytest

from picpxct_nx.values import Array

# Full deuteranopia, protanopia, tritanopia: Machado, Oliveira & Fernandes, IEEE Trans. Vis. Comput. Graph. 15, 1291
# (2009), on linear sRGB.
SIGHTS = {
    "normal": np.eye(3),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "tritanopia": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def template(name: str) -> str:
    return files("picpxct_nx.report").joinpath("templates", name).read_text("utf-8")


def linear(text: str) -> Array:
    """A colour such as #0072b2 as linear sRGB."""
    value = np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(colour: Array) -> Array:
    """CIE L*a*b* of linear sRGB."""
    ratio = TO_XYZ @ np.clip(colour, 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(a: str, b: str) -> float:
    """Contrast of two colours as the Web Content Accessibility Guidelines 2.2 define it."""
    low, high = sorted(float(TO_XYZ[1] @ linear(text)) for text in (a, b))
    return (high + 0.05) / (low + 0.05)


def states() -> dict[str, str]:
    return dict(re.findall(r"--(good|look|bad|open): (#[0-9a-f]{6})", template("report.css")))


def curves() -> tuple[str, str]:
    """Colours of the first and the second polarisation."""
    script = template("report.js")
    blue, red = (re.findall(rf"{name} = '(#\w{{6}})'", script)[0] for name in ("BLUE", "RED"))
    assert "const PAIR = [BLUE, RED," in script
    return blue, red


@pytest.mark.parametrize("sight", SIGHTS)
def test_states_and_curves_are_told_apart(sight: str) -> None:
    blue, red = curves()
    pairs = [*itertools.combinations(states().values(), 2), (blue, red)]
    assert len(pairs) == 7
    for a, b in pairs:
        away = np.linalg.norm(lab(SIGHTS[sight] @ linear(a)) - lab(SIGHTS[sight] @ linear(b)))
        assert away > 25, (sight, a, b, away)


def test_texts_stand_out_from_their_ground() -> None:
    inks = {"good": "#ffffff", "look": "#000000", "bad": "#ffffff", "open": "#16202a"}
    for state, ground in states().items():
        assert contrast(inks[state], ground) > 4.5, state
    assert contrast(re.findall(r"--soft: (#\w{6})", template("report.css"))[0], "#ffffff") > 4.5
