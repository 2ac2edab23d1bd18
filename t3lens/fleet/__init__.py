"""Many homes at once: an audit by several processes, each with its own memory, that no single home can end."""

from t3lens.fleet.audit import FleetReport, audit_fleet

__all__ = ["FleetReport", "audit_fleet"]
