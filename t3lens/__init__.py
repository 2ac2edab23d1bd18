"""t3lens: see which T3 Code coding-agent sessions are stuck or stored untruly, why, and what brings them back."""

__version__ = "0.1.0"
