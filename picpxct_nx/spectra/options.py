"""What `normalize` can be asked for, as texts of a command line and as numbers."""

from dataclasses import dataclass, field

import numpy as np

from picpxct_nx.errors import UsageError
from picpxct_nx.spectra import windows
from picpxct_nx.spectra.regression import Orders, parse_orders
from picpxct_nx.spectra.thickness import By, parse_by, parse_scale
from picpxct_nx.spectra.windows import POST_EDGE, PRE_EDGE, Window
from picpxct_nx.units import quantity

# A step below three standard deviations is not told from none.
LEAST_SIGMA = 3.0


@dataclass(frozen=True)
class Options:
    """How to normalise. `e0_ev` None finds the edge; `density` in kg/m^3; `scale` in m per unit of what `by` names.

    A pixel is too thin where its step is below `least_sigma` standard deviations or, if given, where it has fewer
    metres than `least_thickness`.
    """

    e0_ev: float | None
    by: By = "off-edge-phase"
    pre: Window = PRE_EDGE
    post: Window = POST_EDGE
    orders: Orders = field(default_factory=Orders)
    density: float | None = None
    scale: float | None = None
    least_sigma: float = LEAST_SIGMA
    least_thickness: float | None = None


def choose(text: dict[str, str | None]) -> Options:
    """Options from the texts of the command line, by name; None leaves the default.

    Raises
    ------
    UsageError
        One is not understood, or two contradict each other.
    """
    e0, by = str(text["e0"]), parse_by(str(text["by"]))
    pre = windows.parse_window(str(text["pre"]), "--pre")
    post = windows.parse_window(str(text["post"]), "--post")
    windows.sides(pre, post)
    density = text.get("density")
    scale = text.get("scale")
    if density is not None and scale is not None:
        raise UsageError("--density and --thickness-scale both say what a metre is; give one of them")
    if density is not None and by == "none":
        raise UsageError("--density needs a thickness; choose another one than --by none")
    sigma, thinnest = _least(str(text["least"]), known=density is not None or scale is not None)
    return Options(
        e0_ev=None if e0 == "auto" else quantity(e0, "eV"),
        by=by,
        pre=pre,
        post=post,
        orders=parse_orders(str(text["orders"])),
        density=None if density is None else _positive("--density", density, "kg/m^3"),
        scale=None if scale is None else parse_scale(scale, by),
        least_sigma=sigma,
        least_thickness=thinnest,
    )


def _positive(option: str, text: str, unit: str) -> float:
    value = quantity(text, unit)
    if value <= 0:
        raise UsageError(f"{option} '{text}': wanted a number above zero")
    return value


def _least(text: str, *, known: bool) -> tuple[float, float | None]:
    if not text.startswith("sigma:"):
        if not known:
            raise UsageError(f"--min-thickness '{text}': metres are not known; add --density, or write sigma:3")
        return 0.0, _positive("--min-thickness", text, "m")
    try:
        sigma = float(text.removeprefix("sigma:"))
    except ValueError:
        sigma = np.nan
    if not 0 <= sigma < np.inf:
        raise UsageError(f"--min-thickness '{text}': wanted sigma:K with a number K, or a length such as '0.3 um'")
    return sigma, None
