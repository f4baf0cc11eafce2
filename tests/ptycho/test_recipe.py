"""Recipes in words and parameters by name."""

import pytest

from picpxct_nx.errors import UsageError
from picpxct_nx.ptycho import apply, parse
from picpxct_nx.ptycho.engines import ENGINES, dm, ml


def test_recipe_names_engines_and_iterations() -> None:
    stages = parse("dm:30, ml:7,dm:2")
    assert [(stage.engine, stage.iterations) for stage in stages] == [("dm", 30), ("ml", 7), ("dm", 2)]
    assert stages[0].params == dm.Params()
    assert stages[1].params == ml.Params()


@pytest.mark.parametrize(("name", "counts"), [("default", [3, 40]), ("paper", [1000, 500])])
def test_named_recipes(name: str, counts: list[int]) -> None:
    assert [stage.iterations for stage in parse(name)] == counts


def test_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown engine 'epie'; known engines are dm, lsqml, ml, pie, raar"):
        parse("epie:10")


@pytest.mark.parametrize("text", ["dm", "dm:", "dm:0", "dm:-3", "dm:1e2", "dm:x", "dm:²"])
def test_recipe_without_a_count_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no iterations above 0"):
        parse(text)


def test_parameters_are_read_as_the_type_they_have() -> None:
    stages = parse("dm:1,ml:1", {"dm.relaxation": "0.1", "dm.probe_start": "7", "ml.likelihood": "poisson"})
    assert stages[0].params == dm.Params(relaxation=0.1, probe_start=7)
    assert stages[1].params == ml.Params(likelihood="poisson")
    assert apply(stages, {"dm.centre_probe": "true"})[0].params.centre_probe is True


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("dm.relax", "0.1", "unknown parameter; dm has relaxation, probe_inertia"),
        ("ml.damping", "much", "wanted a number"),
        ("dm.probe_start", "1.5", "wanted a whole number"),
        ("dm.centre_probe", "yes", "wanted true or false"),
        ("dm.relaxation", "1.5", "relaxation 1.5"),
        ("dm.relaxation", "nan", "relaxation nan"),
        ("ml.likelihood", "cauchy", "likelihood 'cauchy'"),
        ("epie.alpha", "1", "engine 'epie' is not in the recipe"),
    ],
)
def test_wrong_overrides_are_refused(key: str, value: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse("dm:1,ml:1", {key: value})


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_params_memory_init_phase_and_step(name: str) -> None:
    own = ENGINES[name].__name__
    public = {key for key, value in vars(ENGINES[name]).items() if getattr(value, "__module__", "") == own}
    assert {key for key in public if not key.startswith("_")} == {"Params", "Memory", "init", "phase", "step"}
