"""The process that decides."""
