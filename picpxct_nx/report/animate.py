"""Animations of the spectral stack: every energy one frame, both polarisations side by side, as GIF or MP4."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from picpxct_nx import atomic
from picpxct_nx.errors import PicpxctError, UnavailableError, UsageError
from picpxct_nx.records import NormalizedCube, SpectralCube
from picpxct_nx.report.grain_pictures import composite, square_pair
from picpxct_nx.report.pixels import coded, span, table
from picpxct_nx.report.spectral import Quantity, Stack, stack_of
from picpxct_nx.values import Array

ENDINGS = (".gif", ".mp4")
# Letters below an image in pixels, the space between images, and the least side of an image on the screen.
_TEXT, _GAP, _SIDE = 22, 8, 280
_GROUND, _INK = 255, 20
# Parts of the values that are darker and brighter than the scale.
_ENDS = (0.01, 0.99)
# Lengths of a scale bar in m, and the longest part of an image that it takes.
_BARS = tuple(m * 10.0**p for p in range(-9, -3) for m in (1, 2, 5))
_BAR_PART = 0.35


def check_ending(path: Path) -> None:
    """Refuse an animation of a kind that cannot be made.

    Raises
    ------
    UsageError
        The ending is none of .gif, .mp4.
    UnavailableError
        It is .mp4 and there is no ffmpeg.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: cannot animate '{path.suffix}'; wanted one of {', '.join(ENDINGS)}")
    if path.suffix.lower() == ".mp4":
        _ffmpeg()


def animate(
    record: SpectralCube | NormalizedCube, path: Path, *, quantity: str = "", rate: float = 4.0, overwrite: bool = False
) -> int:
    """Write the images of every energy one after the other; the number of frames.

    A frame shows each polarisation on the scale of all energies, and where there are two or more the pair nearest to a
    right angle in cyan and magenta, with energy, scale bar and colour scale in words.

    Parameters
    ----------
    record : SpectralCube or NormalizedCube
        Whose file is open.
    path : Path
        .gif or .mp4.
    quantity : str
        "optical density" or "phase" of a cube, "XANES" or "XPNES" of a normalised one; empty takes the first.
    rate : float
        Frames a second.
    overwrite : bool
        Whether to replace a file.

    Raises
    ------
    UsageError
        The quantity, the ending or the rate is not understood.
    UnavailableError
        .mp4 is wanted and there is no ffmpeg.
    OutputError, RetryError
        The file cannot be written.
    """
    check_ending(path)
    if not 0.1 <= rate <= 60:
        raise UsageError(f"{rate:g} frames a second; wanted 0.1 to 60")
    stack = stack_of(record)
    pictures = list(frames(stack, named(stack, quantity)))
    write: Callable[[Sequence[Array], Path, float], None] = _gif if path.suffix.lower() == ".gif" else _mp4
    with atomic.part(path, overwrite=overwrite) as part:
        write(pictures, part, rate)
    return len(pictures)


def named(stack: Stack, quantity: str) -> Quantity:
    """The quantity of that name; the first where none is named.

    Raises
    ------
    UsageError
        The stack has none of that name.
    """
    names = [item.name for item in stack.quantities]
    if quantity and quantity not in names:
        raise UsageError(f"'{quantity}' is not in a {stack.stage} cube; wanted one of {', '.join(names)}")
    return stack.quantities[names.index(quantity) if quantity else 0]


def frames(stack: Stack, quantity: Quantity) -> Iterator[Array]:
    """Pictures (rows, columns, 3) of eight bits, one an energy, all of one even size."""
    # The widest of all energies, so that the strongest is not cut off.
    ends = [span(quantity.images[:, j], _ENDS) for j in range(len(stack.energies_ev)) if _known(quantity.images[:, j])]
    low, high = (min(each[0] for each in ends), max(each[1] for each in ends)) if ends else (0.0, 1.0)
    zoom = max(1, -(-_SIDE // max(stack.shape[2:])))
    colours = table("viridis")
    pair = square_pair(stack.angles) if stack.shape[0] > 1 else None
    for j, energy in enumerate(stack.energies_ev):
        images = quantity.images[:, j].astype(np.float64)
        panels = [(f"E {np.rad2deg(angle):.0f} deg", colours[coded(image, low, high).codes])
                  for angle, image in zip(stack.angles, images, strict=True)]  # fmt: skip
        if pair is not None:
            first, second = ((images[i] - low) / (high - low) for i in pair)
            mixed = np.rint(255 * composite(first, second, "cyan-magenta")).astype(np.uint8)
            panels.append((f"cyan {np.rad2deg(stack.angles[pair[0]]):.0f}, magenta "
                           f"{np.rad2deg(stack.angles[pair[1]]):.0f} deg", mixed))  # fmt: skip
        words = f"{energy:.1f} eV   {quantity.name} {low:.2g} to {high:.2g} {quantity.unit}".rstrip()
        yield _framed(panels, words, zoom, abs(stack.pixel[1]))


def _known(images: Array) -> bool:
    return bool(np.isfinite(images).any())


def _framed(panels: Sequence[tuple[str, Array]], words: str, zoom: int, pixel: float) -> Array:
    """Panels side by side, each under its name, with a line of words and a scale bar below."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=14)
    height, width = (side * zoom for side in panels[0][1].shape[:2])
    total = len(panels) * (width + _GAP) - _GAP
    least = max(total, round(font.getlength(words)) + 2 * _GAP)
    # Coding of films wants even sides.
    size = least + least % 2, (height + 3 * _TEXT) + (height + 3 * _TEXT) % 2
    picture = Image.new("RGB", size, (_GROUND,) * 3)
    pen = ImageDraw.Draw(picture)
    for i, (name, panel) in enumerate(panels):
        left = i * (width + _GAP)
        shown = np.repeat(np.repeat(panel[::-1], zoom, axis=0), zoom, axis=1)
        picture.paste(Image.fromarray(np.ascontiguousarray(shown), "RGB"), (left, _TEXT))
        pen.text((left + 2, 2), name, fill=(_INK,) * 3, font=font)
    length = max((bar for bar in _BARS if bar / pixel * zoom <= _BAR_PART * width), default=_BARS[0])
    top, end = _TEXT + height + 8, round(length / pixel * zoom)
    pen.rectangle((0, top, end, top + 4), fill=(_INK,) * 3)
    label = f"{length * 1e6:g} um" if length > 0.999e-6 else f"{length * 1e9:g} nm"
    pen.text((end + 6, top - 6), label, fill=(_INK,) * 3, font=font)
    pen.text((2, top + _TEXT - 4), words, fill=(_INK,) * 3, font=font)
    return np.asarray(picture)


def _gif(pictures: Sequence[Array], path: Path, rate: float) -> None:
    from PIL import Image

    # One palette for all frames, or colours would flicker: half the scale of one image, half that of two.
    steps = np.linspace(0, 1, 11)
    mixed = composite(*np.meshgrid(steps, steps), "cyan-magenta").reshape(-1, 3)
    greys = np.repeat(np.array([0, _INK, 120, 200, _GROUND])[:, None], 3, axis=1)
    colours = [table("viridis")[np.linspace(0, 255, 130).astype(int)], np.rint(255 * mixed).astype(np.uint8), greys]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.concatenate(colours).astype(np.uint8).tobytes())
    coded_frames = [Image.fromarray(p, "RGB").quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    first, *rest = coded_frames
    first.save(path, "GIF", save_all=True, append_images=rest, duration=round(1000 / rate), loop=0)


def _ffmpeg() -> str:
    """The program that codes films: ffmpeg of the system, or the one that imageio-ffmpeg brings."""
    found = shutil.which("ffmpeg")
    if found is None:
        try:
            from imageio_ffmpeg import get_ffmpeg_exe

            found = str(get_ffmpeg_exe())
        except (ImportError, RuntimeError):
            raise UnavailableError(
                "MP4 needs ffmpeg, which is not there; install it, or pip install 'picpxct_nx[film]', or write .gif"
            ) from None
    return found


def _mp4(pictures: Sequence[Array], path: Path, rate: float) -> None:
    rows, columns, _ = pictures[0].shape
    words = [
        _ffmpeg(), "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{columns}x{rows}",
        "-r", f"{rate:g}", "-i", "-", "-an", "-c:v", "libx264", "-crf", "14", "-pix_fmt", "yuv420p",
        "-movflags", "+faststart", "-f", "mp4", str(path),
    ]  # fmt: skip
    with tempfile.TemporaryFile() as errors:
        done = subprocess.run(  # noqa: S603 - the program that was found, with words of ours
            words, input=b"".join(p.tobytes() for p in pictures), stdout=subprocess.DEVNULL, stderr=errors, check=False
        )
        errors.seek(0)
        said = " ".join(errors.read().decode(errors="replace").split())[:200]
    if done.returncode:
        raise PicpxctError(f"{path}: ffmpeg failed ({said}); write a .gif instead")
