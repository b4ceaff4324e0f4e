"""Telling open pages that something changed, after the commit."""
