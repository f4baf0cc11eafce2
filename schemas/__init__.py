"""NXDL definitions of the files this project writes: the one place that states names, types, units and shapes."""
