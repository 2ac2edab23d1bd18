"""The audit as a document: what is in it, choosing from it, merging it, its formats."""
