"""t3lens: see which T3 Code coding-agent sessions are stuck or stored untruly, why, and what brings them back.

>>> import t3lens
>>> lens = t3lens.open("~/.t3")  # doctest: +SKIP
>>> lens.findings()  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from t3lens.lazy_names import names_of
from t3lens.version import __version__

if TYPE_CHECKING:
    from t3lens.diagnose import Thresholds
    from t3lens.domain.finding import Evidence, Finding, Severity, Verdict
    from t3lens.errors import ActionError, InputError, StoreError, T3LensError, UsageError
    from t3lens.lens.lens import Lens
    from t3lens.lens.lens import open_lens as open
    from t3lens.lens.thread import Thread
    from t3lens.t3code.v1.rules import PROFILES

_HOMES = {
    "ActionError": "t3lens.errors:ActionError",
    "Evidence": "t3lens.domain.finding:Evidence",
    "Finding": "t3lens.domain.finding:Finding",
    "InputError": "t3lens.errors:InputError",
    "Lens": "t3lens.lens.lens:Lens",
    "PROFILES": "t3lens.t3code.v1.rules:PROFILES",
    "Severity": "t3lens.domain.finding:Severity",
    "StoreError": "t3lens.errors:StoreError",
    "T3LensError": "t3lens.errors:T3LensError",
    "Thread": "t3lens.lens.thread:Thread",
    "Thresholds": "t3lens.diagnose:Thresholds",
    "UsageError": "t3lens.errors:UsageError",
    "Verdict": "t3lens.domain.finding:Verdict",
    "open": "t3lens.lens.lens:open_lens",
}
"""Public names and where they live: imported when first used, so that ``t3lens --help`` stays quick."""

__all__ = [
    "PROFILES",
    "ActionError",
    "Evidence",
    "Finding",
    "InputError",
    "Lens",
    "Severity",
    "StoreError",
    "T3LensError",
    "Thread",
    "Thresholds",
    "UsageError",
    "Verdict",
    "__version__",
    "open",
]


__getattr__ = names_of(__name__, _HOMES)


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext t3lens`` calls: adds the cell magic ``%%t3sql``, and masks every table that is shown."""
    from t3lens.lens import magic

    magic.load(shell)


def __dir__() -> list[str]:
    return sorted(__all__)
