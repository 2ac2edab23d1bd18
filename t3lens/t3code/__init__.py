"""Everything known of T3 Code. Pure: no I/O, nothing of ours but the domain."""
