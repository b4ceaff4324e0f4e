"""The configuration: TOML and environment, read once into frozen typed settings.

``locate`` finds lines, ``document`` reads the file, ``environment`` lays variables over it, ``convert`` checks every
value against the rooms' Structs, ``settings`` composes them.
"""

from __future__ import annotations

from gateway.config.folder import prepare_folder
from gateway.config.settings import Settings, find

__all__ = ["Settings", "find", "prepare_folder"]
