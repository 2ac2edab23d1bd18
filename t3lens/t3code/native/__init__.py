"""The providers in their own words: what each says when it is busy, over, failed or retrying, and its processes."""
