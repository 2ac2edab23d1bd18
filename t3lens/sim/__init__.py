"""A simulated T3 Code: homes and a server that fail on purpose. Feeds the demo, the samples and the tests."""

from __future__ import annotations

from t3lens.sim.home import CANARY, SimHome
from t3lens.sim.http import HttpFault
from t3lens.sim.server import SimServer
from t3lens.sim.v2.home import SecondHome
from t3lens.sim.v2.server import SecondServer

__all__ = ["CANARY", "HttpFault", "SecondHome", "SecondServer", "SimHome", "SimServer"]
