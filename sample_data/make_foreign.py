"""Write foreign.npz: the frames of scan.nxs as somebody else might have stored them.

Zero frequency in the corner, positions of the beam on the sample in micrometres as (x, y), and no metadata at all.
"""

from pathlib import Path

import numpy as np

from picpxct_nx import nexus
from picpxct_nx.illumination import start_probe
from picpxct_nx.records import Scan

HERE = Path(__file__).parent

with nexus.open_valid(HERE / "scan.nxs", "scan.nxs") as file:
    scan = nexus.read(file, nexus.entries(file)[0])
    assert isinstance(scan, Scan)
    np.savez_compressed(
        HERE / "foreign.npz",
        frames=np.fft.ifftshift(np.asarray(scan.frames[:]), axes=(1, 2)),
        pos=np.stack([-scan.stage_x, -scan.stage_y], axis=1) * 1e6,
        start=start_probe(scan)[0],
        bad=np.fft.ifftshift(scan.pixel_mask != 0),
    )
