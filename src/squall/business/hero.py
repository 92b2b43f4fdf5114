"""The four or five figures a run is remembered by."""

from __future__ import annotations

from squall.models import HeroMetrics, TestResults


def hero_metrics(results: TestResults) -> HeroMetrics:
    """The headline figures of a run; None is "not measured", never zero."""
    return HeroMetrics(
        transactions=results.accounting.accepted,
        peak_tps=results.throughput.peak_tps,
        lost=results.accounting.lost,
        fraud_recall=results.detection.recall,
        fraud_value_stopped_usd=results.business.fraud_value_stopped,
        response_ms_p99=results.latency_ms.response.p99,
    )
