#!/usr/bin/env bash
# Makes the files of this folder again, byte for byte on the same machine. Run it from here.
set -euo pipefail
export SOURCE_DATE_EPOCH=1767225600
few=(--energies "5471 eV" --rotations "0 deg" --set n_positions=30 --seed 1 --overwrite)

picpxct simulate "${few[@]}" -o scan.nxs
picpxct reconstruct scan.nxs --device cpu:1 --overwrite -o reconstruction.nxs
picpxct reconstruct scan.nxs --device cpu:1 --frames 0::2 --overwrite -o half_a.nxs
picpxct reconstruct scan.nxs --device cpu:1 --frames 1::2 --overwrite -o half_b.nxs
picpxct frc half_a.nxs half_b.nxs --threshold half-bit --image absorption --overwrite -o frc.nxs
rm half_a.nxs half_b.nxs
python make_foreign.py
