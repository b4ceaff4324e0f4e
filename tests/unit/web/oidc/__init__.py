"""Signing in through a provider, without one."""
