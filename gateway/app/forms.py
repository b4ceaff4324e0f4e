"""What the forms need around them: the log of refusals, the folder of files, and bringing spam back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Connection, select

from gateway.audit.log import Deed, record
from gateway.capture.deliverylog import StoredDeliveryLog
from gateway.capture.filefolder import FileFolder
from gateway.capture.files import FileKeeper
from gateway.capture.replay import put_reading, stored
from gateway.config.settings import Settings
from gateway.core.clock import Clock
from gateway.core.errors import NotFound
from gateway.storage.store import Store
from gateway.storage.tables import Journal
from gateway.web.api.writes import WriteCall, WriteOperation
from gateway.webforms.files import contents
from gateway.webforms.intake import CONNECTOR
from gateway.webforms.reread import reread
from gateway.webforms.settings import FormSettings

FILES_FOLDER = "files"


def delivery_log(store: Store, clock: Clock, settings: Settings) -> StoredDeliveryLog:
    """The forms' log of duplicates and refusals."""
    return StoredDeliveryLog(store, clock, CONNECTOR, settings.retention.keep)


def file_keeper(store: Store, clock: Clock, data: Path) -> FileKeeper:
    """The files of forms, in the data folder."""
    return FileKeeper(store=store, folder=FileFolder(data / FILES_FOLDER), clock=clock, openers={CONNECTOR: contents})


class BroughtBack(Struct, frozen=True, kw_only=True):
    """What became of a submission that is no spam after all."""

    interaction_id: str
    outcome: str
    """``changed``: contact and lead follow within seconds; ``unchanged``: it was none; ``superseded``: a later report
    of the same submission stands there."""


@dataclass(frozen=True, slots=True)
class SpamDesk:
    """Takes what was taken for spam for what a person sent."""

    forms: Sequence[FormSettings]
    region: str

    def bring_back(self, connection: Connection, call: WriteCall) -> BroughtBack:
        """Raises NotFound where the id is no submission of a form. Doing it twice changes nothing the second time."""
        interaction_id = call.ids["id"]
        newest = (
            select(Journal.id)
            .where(Journal.interaction_id == interaction_id, Journal.connector == CONNECTOR)
            .order_by(Journal.id.desc())
            .limit(1)
        )
        number = connection.execute(newest).scalar_one_or_none()
        one = stored(connection, CONNECTOR, number) if number is not None else None
        if one is None:
            raise NotFound("There is no submission of a form with this id.")
        form = next((form for form in self.forms if one.source in (form.key, *form.previous_keys)), None)
        before = (one.draft or {}).get("details") or {}
        draft = reread(
            form or FormSettings(key=one.source),
            one.raw,
            one.meta,
            before,
            region=self.region,
            received_at=one.received_at,
            not_spam=True,
        )
        outcome = put_reading(connection, one, draft, call.who.at)
        deed = Deed(
            actor=call.who.actor,
            action="form.not_spam",
            object_kind="interaction",
            object_id=interaction_id,
            detail={"form": one.source, "outcome": outcome.value, "was": before.get("spam")},
        )
        record(connection, deed, call.who.at)
        return BroughtBack(interaction_id=interaction_id, outcome=outcome.value)

    def writes(self) -> tuple[WriteOperation, ...]:
        """The operations for the API."""
        return (
            WriteOperation(
                method="POST",
                path="/api/v1/interactions/{id}/not-spam",
                name="bringBackSpam",
                summary="A form's submission that was taken for spam is none: contact and lead follow.",
                answer=BroughtBack,
                unit=self.bring_back,
                roles=frozenset({"owner", "chief"}),
            ),
        )
