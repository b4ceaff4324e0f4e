"""The store: one engine, one writer with group commit, readers apart, typed tables and their migrations."""
