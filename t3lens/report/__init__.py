"""Incident documents: one HTML file that stands alone, and its Markdown twin."""

from t3lens.report.incident import Incident
from t3lens.report.subject import Subject, chosen_incidents, chosen_threads
from t3lens.report.write import incident, report_html, report_markdown, write_report

__all__ = [
    "Incident",
    "Subject",
    "chosen_incidents",
    "chosen_threads",
    "incident",
    "report_html",
    "report_markdown",
    "write_report",
]
