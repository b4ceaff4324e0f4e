"""The commented configuration that ``leadgate init`` writes."""

from __future__ import annotations

from importlib.resources import files


def template() -> str:
    """The text of template.toml. A test keeps it in step with the settings."""
    return files("gateway.config").joinpath("template.toml").read_text(encoding="utf-8")
