"""An older audit of the same homes, to compare with."""

from msgspec.structs import replace

from t3lens.document.model import AuditDocument

VANISHED = "silent-turn"


def older(document: AuditDocument) -> AuditDocument:
    """The first thread's findings are not in it, and one is that has vanished since."""
    worst, *others = document.threads
    gone = replace(worst.findings[0], code=VANISHED)
    return replace(document, threads=(replace(worst, findings=(gone,)), *others))
