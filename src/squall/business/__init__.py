"""What a run was worth: money from ground truth, headline figures, published figures for scale."""

from squall.business.benchmarks import competitive_benchmarks
from squall.business.hero import hero_metrics
from squall.business.price_book import PriceBook, cost_of, load_price_book, usage_between
from squall.business.value import business_metrics

__all__ = [
    "PriceBook",
    "business_metrics",
    "competitive_benchmarks",
    "cost_of",
    "hero_metrics",
    "load_price_book",
    "usage_between",
]
