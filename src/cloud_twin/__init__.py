"""A loopback AWS with limits, throttling, faults and a bill."""

__version__ = "0.1.0"
