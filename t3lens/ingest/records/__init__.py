"""The agents' own records on disk: found, opened without a trace, read as far as they go.

``linked`` keeps those of a home's threads in the store, ``read`` reads any. Whoever needs one imports it alone.
"""
