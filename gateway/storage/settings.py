"""``[storage]`` of the configuration."""

from __future__ import annotations

import msgspec
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

KNOWN_BACKENDS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


class StorageSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which database keeps the leads."""

    url: str | None = None
    """SQLAlchemy URL, ``postgresql://user:password@host/name`` or ``sqlite:////folder/file.db``.
    Default: the file leadgate.db in the data folder."""
    min_free_mib: int = 200
    """MiB that stay free on the disk of the data folder: below it senders are asked to come again. 0: no such floor."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_free_mib <= 1 << 20:
            raise ValueError(f"min_free_mib = {self.min_free_mib} is out of range: 0 to 1048576")
        if self.url is None:
            return
        try:
            backend = make_url(self.url).get_backend_name()
        except ArgumentError:
            raise ValueError("is no database URL; write it like postgresql://user:password@host/name") from None
        if backend not in KNOWN_BACKENDS:
            raise ValueError(f"names the database {backend!r}; Leadgate keeps its data in sqlite or postgresql")

    def __repr__(self) -> str:
        shown = make_url(self.url).render_as_string(hide_password=True) if self.url else None
        return f"StorageSettings(url={shown!r}, min_free_mib={self.min_free_mib})"

    def resolved(self, default_file: str) -> URL:
        """The URL with the driver we ship; ``default_file`` when none is configured."""
        if self.url is None:
            return URL.create("sqlite", database=default_file)
        url = make_url(self.url)
        backend = url.get_backend_name()
        return url.set(drivername=KNOWN_BACKENDS[backend]) if url.drivername == backend else url
