"""One thread on one time axis: its data, its layout, its figures."""
