"""Incident documents: one HTML file that stands alone, and its Markdown twin."""

from t3lens.view.report.incident import Incident
from t3lens.view.report.write import (
    chosen_threads,
    incident,
    report_html,
    report_markdown,
    write_report,
)

__all__ = [
    "Incident",
    "chosen_threads",
    "incident",
    "report_html",
    "report_markdown",
    "write_report",
]
