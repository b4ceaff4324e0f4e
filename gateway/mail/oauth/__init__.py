"""Signing in to a mail server with a token of its provider instead of a password (OAuth 2, RFC 6749)."""
