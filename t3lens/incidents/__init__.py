"""What was wrong with threads, from when to when, and what ended it."""

from t3lens.incidents.episode import Ended, Episode
from t3lens.incidents.find import find_episodes

__all__ = ["Ended", "Episode", "find_episodes"]
