"""Replay, compare, detect: from what was ingested to findings with evidence and a verdict for every thread."""

from t3lens.diagnose.changes import mark, threads_since
from t3lens.diagnose.context import Context, HomeServer
from t3lens.diagnose.detector import DETECTORS, Detector, register_all
from t3lens.diagnose.diagnosis import Check, Diagnosis, HomeDiagnosis, ThreadDiagnosis, urgency
from t3lens.diagnose.gatherer import until_of
from t3lens.diagnose.homes import diagnose, rediagnose, same_ground
from t3lens.diagnose.options import Options, ServerSetting, Thresholds
from t3lens.diagnose.processes import Processes, provider_processes
from t3lens.diagnose.queries import Until

__all__ = [
    "DETECTORS",
    "Check",
    "Context",
    "Detector",
    "Diagnosis",
    "HomeDiagnosis",
    "HomeServer",
    "Options",
    "Processes",
    "ServerSetting",
    "ThreadDiagnosis",
    "Thresholds",
    "Until",
    "diagnose",
    "mark",
    "provider_processes",
    "rediagnose",
    "register_all",
    "same_ground",
    "threads_since",
    "until_of",
    "urgency",
]
