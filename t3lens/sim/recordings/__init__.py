"""The simulated agents' own records: rollouts, transcripts and a database, written by the same stories as a home.

What stands in them is what the real programs were seen to write, with the differences of their builds; it is written
here once more, so that the readers of records are held to something that is not theirs.
"""

from t3lens.sim.recordings.choice import recording_of
from t3lens.sim.recordings.folder import AgentFolder
from t3lens.sim.recordings.recording import AgentSession, RecordedSession, Recording

__all__ = ["AgentFolder", "AgentSession", "RecordedSession", "Recording", "recording_of"]
