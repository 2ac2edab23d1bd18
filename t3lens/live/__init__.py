"""Widgets that stay: the explorer, its action pane, following running homes."""
