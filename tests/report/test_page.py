"""The page: it stands alone, lets nothing run but its own script, and shows texts from files as texts."""

import base64
import dataclasses
import hashlib
import json
import re
import zlib
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from picpxct_nx.records import NormalizedCube, Reconstruction, Record
from picpxct_nx.report import page as pages
from picpxct_nx.report import payload
from picpxct_nx.report.gather import Gathered


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text of script and style elements."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.open = tag
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_data(self, data: str) -> None:
        if self.open in self.texts:
            self.texts[self.open][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self.open = "" if tag == self.open else self.open


def parsed(text: str) -> Elements:
    elements = Elements()
    elements.feed(text)
    return elements


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def data_of(text: str) -> dict[str, Any]:
    (raw,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    found: dict[str, Any] = json.loads(raw)
    return found


def test_the_page_needs_nothing_but_itself(gathered: Gathered) -> None:
    text = pages.page(gathered)
    for tag, attributes in parsed(text).found:
        for name in ("src", "href", "data", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/png", "#")), (tag, value)
        # The policy forbids both.
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)


def test_the_policy_lets_run_this_script_and_style_only(gathered: Gathered) -> None:
    elements = parsed(pages.page(gathered))
    policy = next(a["content"] for _, a in elements.found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert f"script-src 'sha256-{digest(elements.texts['script'][1])}'" in policy
    assert f"style-src 'sha256-{digest(elements.texts['style'][0])}'" in policy


def test_texts_of_a_hostile_file_are_shown_and_not_run(gathered: Gathered, recs: list[Reconstruction]) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{data}}\"'&"
    calm = parsed(pages.page(gathered))
    record = dataclasses.replace(recs[0], title=evil, sample=evil)
    gathered.cards.clear()
    gathered.add(record, f"{evil}.nxs")
    gathered.fail(evil, evil)
    text = pages.page(gathered)
    elements = parsed(text)
    assert "alert(1)</script>" not in text
    assert "onerror=alert(2)>{" not in text
    assert len(elements.texts["script"]) == len(calm.texts["script"])
    assert elements.texts["script"][1] == calm.texts["script"][1]


def test_every_part_that_the_records_allow_is_there(gathered: Gathered) -> None:
    elements = parsed(pages.page(gathered))
    names = {attributes.get("id") for tag, attributes in elements.found if tag == "section"}
    assert names == {"verdict", "stack", "scans", "frc", "grains-0", "shifts", "dose", "table", "provenance"}


def test_an_empty_page_says_so() -> None:
    assert "<title>Nothing yet</title>" in pages.page(Gathered(), live=True)


def test_a_dose_map_and_a_measured_spectrum_are_shown(make_record: Callable[..., Record]) -> None:
    gathered = Gathered()
    dose = make_record("NXspecptycho_dose", dose__dose=np.array([[0.0, 2e6], [1e6, np.nan]]))
    spectrum = make_record("NXspecptycho_spectrum", title="<b>powder</b>")
    for record in (dose, spectrum):
        gathered.add(record, "x.nxs")
    text = pages.page(gathered)
    elements = parsed(text)
    names = {attributes.get("id") for tag, attributes in elements.found if tag == "section"}
    assert names == {"verdict", "dose", "measured", "provenance"}
    values = data_of(text)
    assert (values["doses"][0]["high"], values["doses"][0]["unit"]) == (2.0, "MGy")
    assert len(values["spectra"][0]["e"]) == len(values["spectra"][0]["a"]) > 1
    assert "<b>powder</b>" not in text


def test_a_page_without_a_verdict_says_so() -> None:
    assert pages.sentence([]).startswith("no verdict")


def test_a_part_without_records_is_left_out(spectra: NormalizedCube) -> None:
    gathered = Gathered()
    gathered.add(spectra, "s.nxs")
    elements = parsed(pages.page(gathered))
    names = {attributes.get("id") for tag, attributes in elements.found if tag == "section"}
    assert names == {"stack", "provenance"}


def test_the_stack_holds_the_spectra_to_half_a_step(gathered: Gathered, spectra: NormalizedCube) -> None:
    stack = next(s for s in data_of(pages.page(gathered))["stacks"] if s["name"] == "XANES")
    codes = np.frombuffer(zlib.decompress(base64.b64decode(stack["blob"])), "<u2")
    codes = codes.reshape(2, len(stack["energies"]), stack["height"], stack["width"])
    hidden = np.asarray(spectra.mask) != 0
    assert (codes[:, 0][hidden] == 0).all()
    values = stack["low"] + stack["step"] * (codes.astype(float) - 1)
    away = np.abs(values - spectra.xanes[:])[np.broadcast_to(~hidden[:, None], codes.shape)]
    assert away.max() <= 0.51 * stack["step"] + 1e-3  # half floats in between


def test_no_energy_is_cut_off_in_the_pictures_of_the_stack(gathered: Gathered) -> None:
    for stack in data_of(pages.page(gathered))["stacks"]:
        lows, highs = zip(*stack["levels"], strict=True)
        assert stack["contrast"] == [min(lows), max(highs)]


def test_the_mean_spectrum_of_a_grain_is_that_of_its_pixels(gathered: Gathered) -> None:
    stack = next(s for s in data_of(pages.page(gathered))["stacks"] if s["name"] == "XANES")
    assert stack["grains"]["ids"] == [1, 2]
    np.testing.assert_allclose(np.array(stack["grains"]["mean"])[:, :, 1], [[0.8, 0.2], [0.2, 0.6]], atol=1e-3)


def test_the_stack_opens_at_the_energy_where_polarisations_differ_most(gathered: Gathered) -> None:
    stack = next(s for s in data_of(pages.page(gathered))["stacks"] if s["name"] == "XANES")
    assert stack["energies"][stack["start"]] == 5471.0


def test_a_stack_over_the_budget_is_binned_and_says_so(gathered: Gathered, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = data_of(pages.page(gathered))["stacks"]
    assert {s["bits"] for s in whole} == {16}
    letters = sum(len(s["blob"]) for s in whole)
    # First it gives up bits, then pixels.
    monkeypatch.setattr(payload, "STACK_BUDGET", letters - 1)
    fewer = data_of(pages.page(gathered))["stacks"]
    assert [(s["bits"], s["width"]) for s in fewer] == [(8, s["width"]) for s in whole]
    monkeypatch.setattr(payload, "STACK_BUDGET", sum(len(s["blob"]) for s in fewer) // 2)
    text = pages.page(gathered)
    stack = next(s for s in data_of(text)["stacks"] if s["name"] == "XANES")
    assert stack["width"] < 40
    assert stack["pixel"][0] == pytest.approx(5e-8 * (40 // stack["width"]))
    assert "shows means of" in text


def test_a_live_page_says_when_it_was_written(gathered: Gathered) -> None:
    assert data_of(pages.page(gathered))["live"] is None
    live = data_of(pages.page(gathered, live=True))["live"]
    assert live["every"] > 0
    assert "T" in live["written"]
