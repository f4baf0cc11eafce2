"""The page in a real browser: it loads from disk without a word, its slider changes images, a click plots a spectrum.

Run with `pytest -m browser`, which wants Chromium and the playwright package; without them these tests are skipped, and
fail where PICPXCT_BROWSER=required is set.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picpxct_nx.report.gather import Gathered
from picpxct_nx.report.page import page

pytestmark = pytest.mark.browser

WIDE, PHONE = (1440, 900), (390, 844)
READY = "html[data-ready]"


class Opened:
    """A page, and everything that it complained of or asked the network for."""

    def __init__(self, browser: Any, text: str, folder: Path, size: tuple[int, int], fragment: str = "") -> None:
        target = folder / "report.html"
        target.write_text(text, "utf-8")
        self.said: list[str] = []
        self.tab = browser.new_page(viewport={"width": size[0], "height": size[1]})
        self.tab.on("console", lambda message: self.said.append(message.text))
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))
        self.tab.on("request", lambda request: self._asked(request.url))
        self.tab.goto(target.as_uri() + fragment)
        self.tab.wait_for_selector(READY, timeout=30000, state="attached")

    def _asked(self, url: str) -> None:
        if not url.startswith(("file:", "data:")):
            self.said.append(f"asked for {url}")

    def pixels(self, name: str) -> str:
        """The picture of a canvas."""
        return str(self.tab.evaluate(f"document.getElementById('{name}').toDataURL()"))

    def text(self, name: str) -> str:
        return str(self.tab.text_content(f"#{name}"))


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def opened(browser: Any, gathered: Gathered, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    found = Opened(browser, page(gathered), tmp_path, request.param)
    yield found
    assert found.said == []
    found.tab.close()


def test_it_loads_from_disk_without_an_error_or_a_request(opened: Opened) -> None:
    assert opened.text("energy-text") == "5471.0 eV"
    assert opened.said == []


def test_nothing_is_cut_off_or_wider_than_the_screen(opened: Opened) -> None:
    width, inner = opened.tab.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= inner
    cut = opened.tab.evaluate(
        "[...document.querySelectorAll('.tile, .tile .top, .tile .value, figcaption, p, h2, h3')]"
        ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
    )
    assert cut == []


def test_the_verdict_can_be_read_across_the_room(browser: Any, gathered: Gathered, tmp_path: Path) -> None:
    opened = Opened(browser, page(gathered), tmp_path, WIDE)
    sizes = opened.tab.evaluate(
        "[...document.querySelectorAll('.tile .value')].map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    # Digits of 0.73 em on a screen of 96 px an inch, from three metres: 10 arc minutes is twice what sharp eyes need.
    arc_minutes = [60 * 57.3 * 0.73 * size * 25.4 / 96 / 3000 for size in sizes]
    assert min(arc_minutes) > 10
    opened.tab.close()


def test_the_slider_changes_every_image(opened: Opened) -> None:
    names = ("image-0", "image-1", "blend")
    before = [opened.pixels(name) for name in names]
    opened.tab.fill("#energy", "2")
    assert opened.text("energy-text") == "5515.0 eV"
    assert all(opened.pixels(name) != old for name, old in zip(names, before, strict=True))
    opened.tab.fill("#energy", "1")
    assert [opened.pixels(name) for name in names] == before


def test_a_click_plots_the_spectrum_of_that_pixel(opened: Opened) -> None:
    box = opened.tab.locator("#image-0").bounding_box()
    # Column 5 of 40, row 20 of 30 from below: in the left grain, which is strong for the first polarisation.
    where = {"x": box["width"] * 5.5 / 40, "y": box["height"] * (1 - 20.5 / 30)}
    opened.tab.click("#image-0", position=where)
    title = opened.text("spectrum-title")
    assert title.startswith("Spectrum at pixel (5, 20), x 0.250 µm, y 1.000 µm")
    assert title.endswith("grain 1")
    path = opened.tab.get_attribute("#spectrum path", "d")
    low, peak, high = (float(point.split()[1]) for point in path.replace("M", "L").split("L")[1:])
    # Downwards on the screen: 0.0, 0.8 and 1.0 of the pixel's spectrum.
    assert (low - peak) / (low - high) == pytest.approx(0.8, abs=0.02)


def test_a_row_of_the_grain_table_plots_its_mean_spectrum(opened: Opened) -> None:
    opened.tab.click("tr[data-grain='2']")
    assert opened.text("spectrum-title") == "Spectrum, grain 2"
    assert "grain 2, 0.0°" in opened.text("spectrum")


def test_another_scan_shows_other_images_and_curves(opened: Opened) -> None:
    before = opened.tab.get_attribute("#phase", "src")
    opened.tab.select_option("#scan", "scan_2")
    assert opened.tab.get_attribute("#phase", "src") != before
    assert "5515.0 eV" in opened.text("scan-title")
    opened.tab.click("tr[data-scan='scan_1']")
    assert "5471.0 eV" in opened.text("scan-title")
    opened.tab.focus("tr[data-scan='scan_0']")
    opened.tab.keyboard.press("Enter")
    assert "5460.0 eV" in opened.text("scan-title")


def test_another_quantity_is_shown(opened: Opened) -> None:
    opened.tab.select_option("#quantity", "1")
    opened.tab.wait_for_timeout(200)
    assert "XPNES" in opened.text("stack-note")


def test_what_was_chosen_is_kept_when_the_page_loads_again(browser: Any, gathered: Gathered, tmp_path: Path) -> None:
    opened = Opened(browser, page(gathered, live=True), tmp_path, WIDE)
    opened.tab.fill("#energy", "0")
    opened.tab.click("#image-1", position={"x": 30, "y": 60})
    title = opened.text("spectrum-title")
    assert "loads itself again" in opened.text("live")
    opened.tab.reload()
    opened.tab.wait_for_selector(READY, timeout=30000, state="attached")
    assert (opened.text("energy-text"), opened.text("spectrum-title")) == ("5460.0 eV", title)
    assert opened.said == []
    opened.tab.close()


def test_an_address_that_names_nonsense_does_no_harm(browser: Any, gathered: Gathered, tmp_path: Path) -> None:
    opened = Opened(browser, page(gathered), tmp_path, WIDE, "#e=999&px=-5,x&g=77&q=9&scan=%3Cb%3E")
    assert opened.said == []
    opened.tab.close()
