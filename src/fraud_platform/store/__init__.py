"""Durable decisions."""
