"""Execution environments: processes that run functions, and what is between them and the twin."""
