#!/usr/bin/env bash
# Scans as an array of Slurm jobs, without Snakemake: one scan a job, started cold.
#
#     ls scans/*.nxs > scans.txt
#     sbatch --array=1-$(wc -l < scans.txt)%8 --gpus=1 --time=10 workflow/array.sh scans.txt recs/
#
# Submitted again, it does only what is missing. A job that ends with 75 goes back to the queue, at most three times.
#SBATCH --requeue
#SBATCH --output=logs/%A_%a.txt --open-mode=append
set -euo pipefail
scan=$(sed -n "${SLURM_ARRAY_TASK_ID}p" "$1")
code=0
picpxct reconstruct "$scan" --keep-going -o "$2" || code=$?
if [ "$code" -eq 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 3 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
