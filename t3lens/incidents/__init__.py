"""What was wrong with threads, from when to when, and what ended it."""

from t3lens.domain.ended import EpisodeEnd
from t3lens.incidents.episode import Episode
from t3lens.incidents.find import find_episodes, why_no_past
from t3lens.incidents.kept import KeptEpisodes
from t3lens.incidents.noticed import noticeable_from

__all__ = ["Episode", "EpisodeEnd", "KeptEpisodes", "find_episodes", "noticeable_from", "why_no_past"]
