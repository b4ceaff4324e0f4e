"""Duties to call back: opened by a missed contact, closed when the person was reached."""
