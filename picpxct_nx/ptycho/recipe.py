"""Recipes in words: which engines run, for how many iterations, with which parameters, and what they refine."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from picpxct_nx.errors import UsageError

from .engines import ENGINES
from .model import LIMITS, REFINABLE, Model

# "paper" is the schedule published for this kind of scan; "default" is the quickest that ends at the noise; "warm" is
# for a scan that starts where its neighbour in energy ended.
NAMED: Final[dict[str, str]] = {"default": "pie:3,ml:40", "paper": "dm:1000,ml:500", "warm": "ml:20"}


@dataclass(frozen=True)
class Stage:
    """One engine's turn.

    Parameters
    ----------
    engine : str
        Name in the registry.
    iterations : int
        How many steps.
    params : the engine's Params
        How it runs.
    """

    engine: str
    iterations: int
    params: Any


def parse(text: str, overrides: Mapping[str, str] | None = None) -> tuple[Stage, ...]:
    """Stages of a recipe such as "pie:3,ml:40", "default" or "paper".

    Parameters
    ----------
    text : str
        A named recipe, or ENGINE:ITERATIONS separated by commas.
    overrides : mapping of str to str, optional
        ENGINE.PARAMETER to value, as for `apply`.

    Returns
    -------
    tuple of Stage

    Raises
    ------
    UsageError
        An engine, a number or a parameter is not known.
    """
    stages = tuple(_stage(part.strip(), text) for part in NAMED.get(text.strip(), text).split(","))
    return apply(stages, overrides or {})


def _stage(part: str, text: str) -> Stage:
    name, colon, count = part.partition(":")
    engine = ENGINES.get(name)
    if engine is None:
        raise UsageError(
            f"recipe '{text}': unknown engine '{name}'; known engines are {', '.join(ENGINES)}, known recipes "
            f"{', '.join(NAMED)}; write for example pie:3,ml:40"
        )
    if not colon or not (count.isascii() and count.isdigit()) or int(count) == 0:
        raise UsageError(f"recipe '{text}': '{part}' has no iterations above 0; write for example {name}:100")
    return Stage(name, int(count), engine.Params())


def apply(stages: tuple[Stage, ...], overrides: Mapping[str, str]) -> tuple[Stage, ...]:
    """Stages with parameters replaced by the values of `--set ENGINE.PARAMETER=VALUE`.

    Parameters
    ----------
    stages : tuple of Stage
        A parsed recipe.
    overrides : mapping of str to str
        "dm.relaxation" to "0.1"; the text is read as the type that the parameter's default has.

    Returns
    -------
    tuple of Stage

    Raises
    ------
    UsageError
        The engine is not in the recipe, the parameter is unknown, or the value is of another type or range.
    """
    for key, value in overrides.items():
        name, _, field = key.partition(".")
        if name not in {stage.engine for stage in stages}:
            known = ", ".join(sorted({stage.engine for stage in stages}))
            raise UsageError(
                f"--set {key}={value}: engine '{name}' is not in the recipe; the recipe has {known}; write "
                "ENGINE.NAME=VALUE with one of these"
            )
        stages = tuple(
            dataclasses.replace(stage, params=_replaced(stage.params, name, field, value))
            if stage.engine == name
            else stage
            for stage in stages
        )
    return stages


def describe(refine: Iterable[str] = (), *, modes: int = 0, overrides: Mapping[str, str] | None = None) -> Model:
    """Model in words: what `--modes`, `--refine` and `--set PART.PARAMETER=VALUE` ask for.

    Parameters
    ----------
    refine : iterable of str
        Parts that are refined beside object and probe, each name alone or several separated by commas.
    modes : int
        Probe modes; 0 takes the given ones.
    overrides : mapping of str to str, optional
        "positions.limit" to "3"; the limits of "probe" and "object" are always part of the model.

    Returns
    -------
    Model

    Raises
    ------
    UsageError
        A part or a parameter is unknown, a part is not refined, or a value is of another type or range.
    """
    names = [name.strip() for text in refine for name in text.split(",") if name.strip()]
    for name in names:
        if name not in REFINABLE:
            raise UsageError(f"--refine {name}: unknown; wanted {', '.join(REFINABLE)}; separate several by commas")
    try:
        model = Model(modes=modes, **{name: REFINABLE[name]() for name in names})
    except ValueError as error:
        raise UsageError(f"--modes: {error}") from None
    for key, value in (overrides or {}).items():
        name, _, field = key.partition(".")
        params = getattr(model, name) if name in (*REFINABLE, *LIMITS) else None
        if params is None:
            raise UsageError(f"--set {key}={value}: {name} is not refined; add --refine {name}, or leave this out")
        model = dataclasses.replace(model, **{name: _replaced(params, name, field, value)})
    return model


def of_model(key: str) -> bool:
    """Whether a key of `--set` names a part of the model rather than an engine."""
    return key.partition(".")[0] in (*REFINABLE, *LIMITS)


def _replaced(params: Any, name: str, field: str, value: str) -> Any:
    defaults = {item.name: item.default for item in dataclasses.fields(params)}
    where = f"--set {name}.{field}={value}"
    if field not in defaults:
        raise UsageError(f"{where}: unknown parameter; {name} has {', '.join(defaults)}; use one of these")
    try:
        return dataclasses.replace(params, **{field: _read(value, type(defaults[field]))})
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None


def _read(value: str, kind: type) -> bool | int | float | str:
    """Value of a text in the type of a parameter's default."""
    if kind is bool:
        if value not in ("true", "false"):
            raise ValueError("wanted true or false")
        return value == "true"
    if kind is int or kind is float:
        try:
            return int(value) if kind is int else float(value)
        except ValueError:
            raise ValueError(f"wanted {'a whole number' if kind is int else 'a number'}") from None
    return value
