"""Every table, typed, a file a subject. Migrations in ``migrations/versions`` must give exactly this; a test compares.

Rows that hold personal data carry ``keep_until``: retention removes them after that moment (null: kept until erased).
"""

from gateway.storage.tables.audit import Audit
from gateway.storage.tables.base import NEW, Base, table_of
from gateway.storage.tables.callbacks import Callback, CallbackEvent, CallbackTry
from gateway.storage.tables.contacts import Contact, ContactHandle, ContactMerge
from gateway.storage.tables.delivery import Attempt, CrmHold, CrmLink, CrmUser, Outbox
from gateway.storage.tables.forms import DeliveryNote, IdempotencyClaim, StoredFile
from gateway.storage.tables.intake import Change, Cursor, Interaction, Journal
from gateway.storage.tables.leads import Lead
from gateway.storage.tables.mail import Lease, Sighting
from gateway.storage.tables.outgoing import Outgoing, OutgoingAttempt, OutgoingFile
from gateway.storage.tables.people import (
    ApiToken,
    Manager,
    RecoveryCode,
    Session,
    SetupLink,
    SignInStep,
    Totp,
)
from gateway.storage.tables.privacy import Erasure
from gateway.storage.tables.reports import ReportDay
from gateway.storage.tables.routing import Absence, Assignment, HoursException, Rotation
from gateway.storage.tables.segments import Segment
from gateway.storage.tables.telephony import Outcall, RecordingNews
from gateway.storage.tables.work import Document, DocumentFile, DocumentNumber, Note, Spend, StageChange, Task

__all__ = [
    "NEW",
    "Absence",
    "ApiToken",
    "Assignment",
    "Attempt",
    "Audit",
    "Base",
    "Callback",
    "CallbackEvent",
    "CallbackTry",
    "Change",
    "Contact",
    "ContactHandle",
    "ContactMerge",
    "CrmHold",
    "CrmLink",
    "CrmUser",
    "Cursor",
    "DeliveryNote",
    "Document",
    "DocumentFile",
    "DocumentNumber",
    "Erasure",
    "HoursException",
    "IdempotencyClaim",
    "Interaction",
    "Journal",
    "Lead",
    "Lease",
    "Manager",
    "Note",
    "Outbox",
    "Outcall",
    "Outgoing",
    "OutgoingAttempt",
    "OutgoingFile",
    "RecordingNews",
    "RecoveryCode",
    "ReportDay",
    "Rotation",
    "Segment",
    "Session",
    "SetupLink",
    "Sighting",
    "SignInStep",
    "Spend",
    "StageChange",
    "StoredFile",
    "Task",
    "Totp",
    "table_of",
]
