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

# The spectral stages, from twelve coarse scans in bright light; the sigma maps are left out, they would not be small.
coarse=(--energies "5460 eV, 5469 eV, 5471 eV, 5472 eV, 5482 eV, 5515 eV" --set frame_size=48 --set photon_rate="4e7 Hz")
picpxct simulate "${coarse[@]}" --seed 1 --overwrite -o scans.nxs
picpxct reconstruct scans.nxs --device cpu:1 --also none --overwrite -o recs.nxs
picpxct flatten recs.nxs --overwrite -o flat.nxs
picpxct stack flat.nxs --overwrite -o cube.nxs
picpxct align cube.nxs --overwrite -o aligned.nxs
picpxct register aligned.nxs --overwrite -o registered.nxs
picpxct normalize registered.nxs --e0 "5483.4 eV" --overwrite -o normalized.nxs
picpxct grainmap normalized.nxs --min-area "0.3 um^2" --overwrite -o grainmap.nxs
picpxct flatten "recs.nxs::energy=5471eV,polarisation=0deg" --overwrite -o flattened.nxs
picpxct dose scan.nxs --overwrite -o dose.nxs
rm scans.nxs recs.nxs flat.nxs
python make_foreign.py
