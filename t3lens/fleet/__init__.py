"""Many homes at once: an audit by several processes, or by the workers of a cluster, that no single home can end.

``audit`` is the way in. An audit of one home needs no more than ``one_home``, and does not load the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from t3lens.fleet.many_homes import FleetReport
    from t3lens.fleet.many_homes import audit_fleet as audit

__all__ = ["FleetReport", "audit"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from t3lens.fleet import many_homes

    return many_homes.audit_fleet if name == "audit" else many_homes.FleetReport
