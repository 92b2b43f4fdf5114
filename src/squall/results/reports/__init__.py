"""Reports of a result, one format a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from squall.errors import ConfigurationError, Problem
from squall.models import TestResults
from squall.results.document import to_json
from squall.results.reports.csv import render_csv
from squall.results.reports.hdr_log import render_hdr_log
from squall.results.reports.html import render_html
from squall.results.reports.junit import render_junit
from squall.results.reports.markdown import render_markdown
from squall.results.reports.terminal import TerminalSummary


@dataclass(frozen=True, slots=True)
class _Format:
    file_name: str
    render: Callable[[TestResults], str | bytes]


FORMATS: Mapping[str, _Format] = {
    "html": _Format("report.html", render_html),
    "md": _Format("report.md", render_markdown),
    "json": _Format("result.json", to_json),
    "junit": _Format("junit.xml", render_junit),
    "csv": _Format("seconds.csv", render_csv),
    "hdr": _Format("latency.hlog", render_hdr_log),
}
"""Report formats by the name that ``--format`` takes."""


def write_reports(
    results: TestResults, directory: Path, formats: Iterable[str] = tuple(FORMATS)
) -> list[Path]:
    """Write a result's reports into ``directory`` (made when missing); returns the files.

    Raises ``ConfigurationError`` for an unknown format or a directory that cannot be written.
    """
    chosen = list(dict.fromkeys(formats))
    check_formats(chosen)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(directory, error) from None
    written = []
    for name in chosen:
        content = FORMATS[name].render(results)
        path = directory / FORMATS[name].file_name
        try:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        except OSError as error:
            raise _unwritable(path, error) from None
        written.append(path)
    return written


def check_formats(names: Iterable[str]) -> None:
    """Raise ``ConfigurationError`` where a name is no format."""
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        problem = Problem(
            "--format",
            "",
            f"{', '.join(unknown)} is no report format; choose from {', '.join(FORMATS)}",
        )
        raise ConfigurationError(str(problem))


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"the report cannot be written to {path}: {error.strerror}; give another directory"
    )


__all__ = ["FORMATS", "TerminalSummary", "check_formats", "write_reports"]
