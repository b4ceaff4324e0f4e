"""Every table, typed, a file a subject. Migrations in ``migrations/versions`` must give exactly this; a test compares.

Rows that hold personal data carry ``keep_until``: retention removes them after that moment (null: kept until erased).
"""

from gateway.storage.tables.audit import Audit
from gateway.storage.tables.base import NEW, Base, table_of
from gateway.storage.tables.contacts import Contact, ContactHandle, ContactMerge
from gateway.storage.tables.delivery import Attempt, CrmHold, Outbox
from gateway.storage.tables.intake import Change, Cursor, Interaction, Journal
from gateway.storage.tables.leads import Lead
from gateway.storage.tables.people import ApiToken, Manager, Session, SetupLink

__all__ = [
    "NEW",
    "ApiToken",
    "Attempt",
    "Audit",
    "Base",
    "Change",
    "Contact",
    "ContactHandle",
    "ContactMerge",
    "CrmHold",
    "Cursor",
    "Interaction",
    "Journal",
    "Lead",
    "Manager",
    "Outbox",
    "Session",
    "SetupLink",
    "table_of",
]
