"""Size of a report, and time to make it over that of reading its data, for cubes up to those of a beamtime.

    python benchmarks/report.py [SIDE ...]

Two polarisations, 60 energies, absorption and phase with the noise of a measurement (0.05 of the edge step), a grain
map, and 120 reconstructions. `budget` is what the page may weigh: 20 MB. `floor` is deflating the eight-bit stack.
"""

import sys
import time
import zlib
from pathlib import Path

import numpy as np

from picpxct_nx.records import NormalizedCube, Reconstruction
from picpxct_nx.report.gather import Gathered
from picpxct_nx.report.page import page

ENERGIES, BUDGET, NOISE = np.linspace(5460.0, 5520.0, 60), 20e6, 0.05
SCANS = 120


def cube(side: int) -> NormalizedCube:
    """Spectra of a disc with smooth grains and white noise."""
    rng = np.random.default_rng(0)
    y, x = (np.mgrid[:side, :side] - side / 2) / side
    inside = np.hypot(y, x) < 0.45
    step = 1 / (1 + np.exp(-(ENERGIES - 5483) / 2))
    peak = np.exp(-(((ENERGIES - 5471) / 1.5) ** 2))
    share = np.stack([np.cos(6 * x + 4 * y) ** 2, np.sin(6 * x + 4 * y) ** 2])
    values = step[None, :, None, None] + peak[None, :, None, None] * share[:, None]
    values = (values + rng.normal(0, NOISE, values.shape)).astype(np.float32)
    axis = 5e-8 * np.arange(side)
    common = np.ones((2, side, side), np.float32)
    return NormalizedCube(
        entry="cube", title="benchmark", uuid="0", thickness_by="edge-jump", edge_energy_ev=5483.0,
        pre_edge_ev=np.array([-23.0, -16.0]), post_edge_ev=np.array([20.0, 36.0]),
        measured_energy_ev=np.tile(ENERGIES, (2, 1)), stokes=np.tile([1.0, 1.0, 0.0, 0.0], (2, 1)), sample="benchmark",
        rotation=np.array([0.0, -np.pi / 2]), xanes=values, polarization_angle=np.array([0.0, np.pi / 2]),
        energy_ev=ENERGIES, y=axis, x=axis, xpnes=-values, edge_step=common, phase_drop=common,
        mask=np.broadcast_to(~inside, (2, side, side)).astype(np.uint8),
    )  # fmt: skip


def reconstruction(index: int, side: int) -> Reconstruction:
    """A noisy disc."""
    rng = np.random.default_rng(index)
    y, x = (np.mgrid[:side, :side] - side / 2) / side
    phase = -1.0 * (np.hypot(y, x) < 0.4) + rng.normal(0, 0.02, (side, side))
    axis = 5e-8 * np.arange(side)
    return Reconstruction(
        entry=f"scan_{index:03d}", title="benchmark", uuid=str(index), stage="reconstructed",
        energy_ev=float(ENERGIES[index % 60]), stokes=np.array([[1.0, 1.0, 0.0, 0.0]]), sample="benchmark",
        rotation=-np.pi / 2 * (index // 60), transmission=np.exp(1j * phase).astype(np.complex64), y=axis, x=axis,
        coverage=np.ones((side, side), np.float32), phase=phase.astype(np.float32),
        probe=np.ones((3, 128, 128), np.complex64), probe_y=5e-8 * np.arange(128), probe_x=5e-8 * np.arange(128),
        position_y=rng.normal(0, 1e-6, 624), position_x=rng.normal(0, 1e-6, 624),
        error=np.geomspace(0.5, 0.03, 300), iteration=np.arange(1, 301),
    )  # fmt: skip


def main(sides: list[int]) -> None:
    """Print a line a size of the images."""
    heads = ("side", "stack MB", "page MB", "of budget", "binned", "gather s", "page s", "/ floor")
    print(" ".join(f"{head:>9}" for head in heads))
    for side in sides:
        record = cube(side)
        start = time.process_time()
        gathered = Gathered()
        gathered.add(record, "cube.nxs")
        for index in range(SCANS):
            gathered.add(reconstruction(index, side), f"{index}.nxs")
        middle = time.process_time()
        text = page(gathered)
        end = time.process_time()
        raw = np.clip(record.xanes[:] * 100 + 50, 0, 255).astype(np.uint8)
        floor = time.process_time()
        zlib.compress(raw.tobytes(), 6)
        zlib.compress(raw.tobytes(), 6)
        floor = time.process_time() - floor
        size = len(text.encode())
        first = text.split('"stacks":[', 1)[1]
        width = int(first.split('"width":', 1)[1].split(",")[0])
        row = (2 * raw.size / 1e6, size / 1e6, size / BUDGET, side // width, middle - start, end - middle)
        print(f"{side:9} " + " ".join(f"{value:9.2f}" for value in (*row, (end - middle) / floor)))
        if len(sides) == 1:
            Path("report_benchmark.html").write_text(text, "utf-8")


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [100, 200, 400])
