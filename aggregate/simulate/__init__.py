"""Simulated crowds, whose truth and whose annotators are known: in memory, or into files."""

from aggregate.simulate.crowd import Simulation, simulate_annotations
from aggregate.simulate.files import simulate_files

__all__ = ["Simulation", "simulate_annotations", "simulate_files"]
