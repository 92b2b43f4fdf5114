"""Figures about the platform itself."""
