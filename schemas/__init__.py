"""NXDL definitions of our files: the one place that states names, types, units and shapes."""
