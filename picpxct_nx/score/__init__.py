"""How far results are from the truth of the simulated experiment that they were made from."""
