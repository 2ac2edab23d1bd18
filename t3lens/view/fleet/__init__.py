"""Many threads on one time axis: their data, their layout, their figures."""
