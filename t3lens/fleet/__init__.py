"""Many homes at once: an audit by several processes, each with its own memory, that no single home can end.

``audit`` is the way in. An audit of one home needs no more than ``one_home``, and does not load the rest.
"""
