"""Money from ground truth: what was processed, what fraud was stopped, what was held by mistake."""

from __future__ import annotations

from squall.models import BusinessMetrics, Decision, Truth, Typology
from squall.models.interval import FRAUD_ROWS, UNLABELLED

_HELD = [Decision.REVIEW, Decision.DECLINE]


def business_metrics(
    truth: Truth, rates_as_of: str, *, amounts_known: bool = True
) -> BusinessMetrics:
    """The value of a run's decisions, in US dollars.

    Every value in ``truth`` is already in dollars at the dated reference rates (``rates_as_of``,
    ISO date), so no rate is needed here. Only accepted transactions count: a fraud that was never
    decided is in neither ``fraud_value_stopped`` nor ``fraud_value_missed``. Nothing is estimated:
    margins, abandonment and review costs belong to a business case, not to a measurement.
    All figures are None when nothing was accepted or the transactions have no amounts; what needs
    a label is None where no accepted transaction has one.
    """
    if not amounts_known or not truth.decisions.sum():
        return BusinessMetrics(rates_as_of=rates_as_of)
    processed_value = round(float(truth.value_usd.sum()), 2)
    if not truth.decisions[:UNLABELLED].sum():
        return BusinessMetrics(rates_as_of=rates_as_of, processed_value=processed_value)
    fraud = truth.value_usd[FRAUD_ROWS]
    legitimate = truth.value_usd[Typology.NONE]
    fraud_value = float(fraud.sum())
    stopped = float(fraud[:, _HELD].sum())
    return BusinessMetrics(
        rates_as_of=rates_as_of,
        processed_value=processed_value,
        fraud_value=round(fraud_value, 2),
        fraud_value_stopped=round(stopped, 2),
        fraud_value_missed=round(fraud_value - stopped, 2),
        legitimate_value_declined=round(float(legitimate[_HELD].sum()), 2),
    )
