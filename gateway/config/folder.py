"""The data folder: made on first use, and known to be writable before anything starts."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gateway.core.errors import ConfigError


def prepare_folder(folder: Path) -> None:
    """Make ``folder`` where it is missing (not for everybody: people's data will be in it) and try to write into it.

    Raises ConfigError with the way out.
    """
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError:
        raise ConfigError(f"The data folder {folder} is a file. {_WAY_OUT}") from None
    except OSError as error:
        raise ConfigError(f"The data folder {folder} can't be written: {error.strerror}. {_WAY_OUT}") from None


_WAY_OUT = "Choose another one with --data or [gateway] data."
