"""Difference map, maximum likelihood and the loop that runs them; the only folder that imports torch."""
