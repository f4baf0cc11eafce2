r"""The picture of the report in its how-to page, from the report of the demo as Chromium shows it.

    picpxct demo -o demo
    picpxct report demo/scans/*.nxs demo/recs/*.nxs demo/frc_phase.nxs demo/spectra.nxs demo/grains.nxs \
        --set half_period="60 nm" --set drift="130 nm" -o report.html
    python docs/pictures.py report.html docs/report.png

Needs the extra `browser` and a Chromium. The stack is at the pre-edge peak, where the page opens, outlines of grains
are on, and a pixel of a grain with strong dichroism is clicked.
"""

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

SIZE = (1280, 1410)
# Of the first image, from its upper left corner, as parts of its width and height.
CLICKED = (0.45, 0.25)


def main(page: Path, picture: Path) -> None:
    """Draw the upper part of a page."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        tab.goto(page.resolve().as_uri())
        tab.wait_for_selector("html[data-ready]", state="attached")
        tab.check("#outlines")
        box = tab.locator("#image-0").bounding_box()
        tab.click("#image-0", position={"x": CLICKED[0] * box["width"], "y": CLICKED[1] * box["height"]})
        tab.wait_for_selector("#spectrum svg")
        tab.screenshot(path=str(picture))
        browser.close()
    # A third of the bytes, and no difference that an eye would see.
    Image.open(picture).convert("RGB").quantize(128).save(picture, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
