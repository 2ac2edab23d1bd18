"""What was wrong with threads, from when to when, and what ended it."""

from t3lens.domain.episode_end import EpisodeEnd
from t3lens.incidents.episode import Episode
from t3lens.incidents.find import find_episodes, why_no_past
from t3lens.incidents.noticeable import noticeable_from
from t3lens.incidents.stored import StoredEpisodes

__all__ = ["Episode", "EpisodeEnd", "StoredEpisodes", "find_episodes", "noticeable_from", "why_no_past"]
