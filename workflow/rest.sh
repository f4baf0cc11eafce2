#!/usr/bin/env bash
# From reconstructions to the map of grains, as one job of Slurm without Snakemake.
#
#     sbatch --dependency=afterok:JOB --kill-on-invalid-dep=yes workflow/rest.sh recs/ "5483.4 eV" grains.nxs
#
# A script and no --wrap: that runs in sh, which knows no pipefail on Debian, so that failures within the pipe get lost.
#SBATCH --output=logs/%j.txt
set -euo pipefail
picpxct flatten "$1"/*.nxs | picpxct stack | picpxct align | picpxct register | picpxct normalize --e0 "$2" \
    | picpxct grainmap -o "$3"
