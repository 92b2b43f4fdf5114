"""Results: their JSON form, the store that keeps them, comparison, findings and reports."""

from squall.results.analysis import analyse
from squall.results.compare import Comparison, compare
from squall.results.document import from_json, to_json
from squall.results.histograms import histogram_logs
from squall.results.reports import FORMATS, TerminalSummary, write_reports
from squall.results.store import RunFilter, RunSummary, TestResultsStore, default_url, rescue

__all__ = [
    "FORMATS",
    "Comparison",
    "RunFilter",
    "RunSummary",
    "TerminalSummary",
    "TestResultsStore",
    "analyse",
    "compare",
    "default_url",
    "from_json",
    "histogram_logs",
    "rescue",
    "to_json",
    "write_reports",
]
