"""Bedrock's runtime: its wire, quotas and latency around a local deterministic reasoner."""

from cloud_twin.services.bedrock.service import Bedrock

__all__ = ["Bedrock"]
