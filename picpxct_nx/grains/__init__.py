"""Crystal grains: orientation of every pixel, segmentation, statistics of every grain."""
