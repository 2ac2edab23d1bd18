"""Incident documents: one HTML file that stands alone, and its Markdown twin."""

from t3lens.report.incident import Incident
from t3lens.report.write import chosen_threads, incident, report_html, report_markdown, write_report

__all__ = [
    "Incident",
    "chosen_threads",
    "incident",
    "report_html",
    "report_markdown",
    "write_report",
]
