"""Homes, their store, servers and diagnosis as one engine that knows no notebook."""
