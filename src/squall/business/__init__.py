"""What a run was worth: money from ground truth, headline figures, published figures for scale."""

from squall.business.benchmarks import competitive_benchmarks
from squall.business.hero import hero_metrics
from squall.business.value import business_metrics

__all__ = ["business_metrics", "competitive_benchmarks", "hero_metrics"]
