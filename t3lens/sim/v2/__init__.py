"""A simulated T3 Code of the second data model: its database, outbox, providers, recovery and WebSocket RPC."""
