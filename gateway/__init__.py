"""Leadgate: every call, mail and form submission becomes a lead, once."""

__version__ = "0.1.0"
