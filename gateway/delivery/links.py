"""The map of ids at a CRM, in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, bindparam, case, insert, select, update

from crm_adapter.links import Link
from gateway.core.clock import Clock
from gateway.storage.store import Store
from gateway.storage.tables import CrmLink

# Made once: each push looks up several links, and putting the statement together costs half as much as running it.
_LINK = select(CrmLink.remote_id, CrmLink.url, CrmLink.in_doubt, CrmLink.notes).where(
    CrmLink.crm == bindparam("b_crm"), CrmLink.kind == bindparam("b_kind"), CrmLink.local_id == bindparam("b_local_id")
)


@dataclass(frozen=True, slots=True)
class StoredLinks:
    """Implements ``crm_adapter.links.Links`` for one CRM."""

    store: Store
    crm: str
    clock: Clock
    keep: timedelta | None = None
    """How long a link outlives its last change; None: for good. As long as the data itself, or doubles could come."""

    async def get(self, kind: str, local_id: str) -> Link | None:
        """The link, if there is one. Raises StoreUnavailable."""
        which = {"b_crm": self.crm, "b_kind": kind, "b_local_id": local_id}
        row = self.store.peek(lambda connection: connection.execute(_LINK, which).one_or_none())
        return None if row is None else Link(remote_id=row[0], url=row[1], in_doubt=row[2], notes=row[3])

    async def put(self, kind: str, local_id: str, link: Link) -> None:
        """Returns after the commit. Raises StoreUnavailable."""
        await self.store.write(lambda connection: self._put(connection, kind, local_id, link), background=True)

    def _put(self, connection: Connection, kind: str, local_id: str, link: Link) -> None:
        now = self.clock.now()
        values = {
            "remote_id": link.remote_id,
            "url": link.url,
            "in_doubt": link.in_doubt,
            "notes": dict(link.notes),
            "updated_at": now,
            "keep_until": now + self.keep if self.keep else None,
        }
        mine = (CrmLink.crm == self.crm, CrmLink.kind == kind, CrmLink.local_id == local_id)
        # Whose another record is was not seen yet: the owner that the CRM gives it at first is nobody's decision.
        seen = case((CrmLink.remote_id == link.remote_id, CrmLink.seen_owner), else_=None)
        if not connection.execute(update(CrmLink).where(*mine).values(**values, seen_owner=seen)).rowcount:
            connection.execute(insert(CrmLink), {"crm": self.crm, "kind": kind, "local_id": local_id, **values})
