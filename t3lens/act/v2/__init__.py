"""Acting on homes of the second data model: its socket, what it stores, what brings a thread back, and the proof."""
