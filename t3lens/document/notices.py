"""What is said first of an audit: homes that cannot be judged, or less surely than usual."""

from __future__ import annotations

from typing import Final

from t3lens.document.model import AuditDocument
from t3lens.view.page.escape import plain

__all__ = ["not_judged", "notices"]

_NOTICES: Final = 10


def notices(document: AuditDocument) -> list[str]:
    """What is said at the top of every form of the document, one inert line each; of very many homes the first."""
    said = document.notices
    shown = [plain(text, 600) for text in said[:_NOTICES]]
    if len(said) > _NOTICES:
        shown.append(f"and {len(said) - _NOTICES:,} more homes of which such a thing is to be said")
    return shown


def not_judged(document: AuditDocument) -> list[str]:
    """The homes of a data model that cannot be judged, each with the reason: nobody may take them for clean."""
    return [f"{home.path} cannot be judged: {home.cannot_judge}" for home in document.homes if home.cannot_judge is not None]
