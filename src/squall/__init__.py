"""squall: stress testing for real-time payment and fraud-detection systems."""

__version__ = "0.1.0"
