"""Probes: work beside a load, measured on its own. One type of work per file."""

from squall.probes.catalogue import make_probe
from squall.probes.probe import ConcludedLoad, LoadClock, Measured, Probe

__all__ = ["ConcludedLoad", "LoadClock", "Measured", "Probe", "make_probe"]
