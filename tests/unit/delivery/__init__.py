"""The delivery without IO: verdicts, the breaker, the settings."""
