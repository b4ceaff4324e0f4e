"""Bring a database to the schema of this program, or say why that can't be done.

The whole upgrade is one transaction on both databases: a process killed half-way leaves the old schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from gateway.core.errors import SchemaTooNew, StoreUnavailable
from gateway.core.systemerrors import system_words
from gateway.storage.engine import as_unavailable, writing_engine
from gateway.storage.settings import StorageSettings

HERE = Path(__file__).parent
ADVISORY_LOCK = 7_265_201_931
"""PostgreSQL: two gateways that start at once upgrade one after the other (any fixed number will do)."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """From which schema to which; equal where there was nothing to do."""

    before: str | None
    after: str

    @property
    def changed(self) -> bool:
        """True where the database was made new or upgraded."""
        return self.before != self.after


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The schema that this program works with."""
    newest = ScriptDirectory.from_config(configuration()).get_current_head()
    if newest is None:
        raise LookupError(f"{HERE / 'versions'} holds no migrations: the installation is incomplete")
    return newest


def upgrade(storage: StorageSettings, data: Path, target: str = "head") -> Upgraded:
    """Upgrade the database that ``storage`` names (``data``/leadgate.db by default).

    Raises SchemaTooNew for a database of a newer program, StoreUnavailable where it can't be opened.
    """
    url = storage.resolved(str(data / "leadgate.db"))
    engine = writing_engine(url)
    try:
        return upgrade_engine(engine, target)
    except DBAPIError as error:
        raise as_unavailable(error, url.render_as_string(hide_password=True)) or error from None
    except OSError as error:
        raise StoreUnavailable(
            "the database %(database)s can't be opened: %(words)s",
            database=url.render_as_string(hide_password=True),
            words=system_words(error),
        ) from None
    finally:
        engine.dispose()


def upgrade_engine(engine: Engine, target: str = "head") -> Upgraded:
    """Upgrade through an engine that is at hand."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        before = current(connection)
        refuse_newer(connection)
        command.upgrade(configuration(connection), target)
        after = current(connection)
    if after is None:
        raise LookupError("the upgrade left no schema version behind")
    return Upgraded(before, after)


def current(connection: Connection) -> str | None:
    """The schema version of the database, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def refuse_newer(connection: Connection) -> None:
    """Raise SchemaTooNew where a newer program has written to this database."""
    revision = current(connection)
    known = {script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()}
    if revision is not None and revision not in known:
        shown = connection.engine.url.render_as_string(hide_password=True)
        raise SchemaTooNew(
            "the database %(database)s has schema %(schema)s, which this Leadgate (schema %(head)s) does not know: it "
            "was written by a newer version. Install that version again, or restore the backup made before the "
            "upgrade.",
            database=shown,
            schema=revision,
            head=head(),
        )
