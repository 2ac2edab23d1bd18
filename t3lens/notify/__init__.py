"""Somebody is told: what is new and what is over, once each, to addresses and commands, also if they do not answer today."""
