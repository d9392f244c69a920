"""Composition of the pure rooms into the tasks that the stages run."""
