"""Which route asks for what: the one table that the matrix of roles is tested against.

Whoever adds a private route adds its line here, under the right that it is meant to ask for. The table is read by a
person; the router is not asked what it thinks.
"""

from __future__ import annotations

OWN = """
GET /profile
POST /profile/factor
POST /profile/factor/codes
POST /profile/factor/confirm
POST /profile/factor/off
POST /profile/password
POST /profile/sessions/end-others
POST /profile/sessions/{id}/end
"""
"""Everybody's own account; a program has none."""

SEE = """
GET /
GET /api/v1/absences
GET /api/v1/callbacks
GET /api/v1/callbacks/{id}
GET /api/v1/calls
GET /api/v1/calls/{id}
GET /api/v1/calls/{id}/recording
GET /api/v1/contacts
GET /api/v1/contacts/{id}
GET /api/v1/contacts/{id}/work
GET /api/v1/deliveries
GET /api/v1/deliveries/{id}
GET /api/v1/documents
GET /api/v1/documents/{id}
GET /api/v1/documents/{id}/page
GET /api/v1/documents/{id}/pdf
GET /api/v1/events
GET /api/v1/hours/exceptions
GET /api/v1/interactions
GET /api/v1/interactions/{id}
GET /api/v1/interactions/{id}/files/{number}
GET /api/v1/interactions/{id}/html
GET /api/v1/interactions/{id}/source
GET /api/v1/leads
GET /api/v1/leads/{id}
GET /api/v1/leads/{id}/work
GET /api/v1/managers
GET /api/v1/managers/{id}
GET /api/v1/outcalls/{id}
GET /api/v1/outgoing/{id}
GET /api/v1/segments
GET /api/v1/spend
GET /api/v1/spend/{id}
GET /api/v1/tasks
GET /api/v1/tasks/{id}
GET /api/v1/templates
GET /callbacks/{id}
GET /calls
GET /contacts
GET /contacts/segments
GET /contacts/table.{format}
GET /contacts/{id}
GET /documents
GET /documents/new
GET /documents/{id}
GET /leads
GET /leads/{id}
GET /leads/{id}/document
GET /leads/{id}/letters/{interaction}
GET /leads/{id}/merge
POST /logout
GET /pipeline
GET /reports
GET /reports/{report}
GET /reports/{report}/rows
GET /reports/{report}/rows.{format}
GET /reports/{report}/table.{format}
GET /ringing
GET /tasks
"""
"""Everybody who signed in, each within what they see."""

WORK = """
POST /api/v1/callbacks/many
POST /api/v1/callbacks/{id}/assign
POST /api/v1/callbacks/{id}/attempt
POST /api/v1/callbacks/{id}/call
POST /api/v1/callbacks/{id}/claim
POST /api/v1/callbacks/{id}/close
POST /api/v1/callbacks/{id}/note
POST /api/v1/callbacks/{id}/release
POST /api/v1/callbacks/{id}/reopen
POST /api/v1/callbacks/{id}/snooze
POST /api/v1/callbacks/{id}/undo
POST /api/v1/calls
POST /api/v1/contacts
PATCH /api/v1/contacts/{id}
POST /api/v1/contacts/{id}/merge
POST /api/v1/contacts/{id}/notes
POST /api/v1/documents
POST /api/v1/documents/{id}/send
POST /api/v1/documents/{id}/void
POST /api/v1/interactions/{id}/answer
POST /api/v1/interactions/{id}/fetch
POST /api/v1/leads
PATCH /api/v1/leads/{id}
POST /api/v1/leads/{id}/answer
POST /api/v1/leads/{id}/notes
DELETE /api/v1/notes/{id}
PATCH /api/v1/notes/{id}
POST /api/v1/outgoing/{id}/drop
POST /api/v1/outgoing/{id}/retry
POST /api/v1/segments
DELETE /api/v1/segments/{id}
POST /api/v1/tasks
PATCH /api/v1/tasks/{id}
POST /callbacks
POST /callbacks/{id}/{deed}
POST /calls
POST /calls/{id}/lead
POST /contacts
POST /contacts/segments
POST /contacts/segments/{id}/remove
POST /contacts/{id}/lead
POST /contacts/{id}/{deed}
POST /documents/new
POST /documents/{id}/{deed}
POST /leads/{id}/document
POST /leads/{id}/new-contact
POST /leads/{id}/{form}
POST /pipeline
POST /tasks
POST /tasks/{id}/{deed}
"""
"""Not for who only looks."""

DECIDE = """
POST /api/v1/interactions/{id}/not-spam
"""
"""Work, but not a manager's."""

LEAD = """
POST /api/v1/absences
DELETE /api/v1/absences/{id}
POST /api/v1/crms/{crm}/hold
POST /api/v1/crms/{crm}/release
POST /api/v1/crms/{crm}/replay
POST /api/v1/crms/{crm}/retry
POST /api/v1/deliveries/{id}/drop
POST /api/v1/deliveries/{id}/hold
POST /api/v1/deliveries/{id}/release
POST /api/v1/deliveries/{id}/retry
POST /api/v1/merges/{id}/undo
GET /api/v1/outgoing
GET /api/v1/route
POST /api/v1/spend
DELETE /api/v1/spend/{id}
PUT /api/v1/spend/{id}
POST /settings/absences
POST /settings/absences/{id}/remove
POST /settings/crm/deliveries/{id}/{deed}
POST /settings/crm/{crm}/hold
POST /settings/crm/{crm}/release
POST /settings/crm/{crm}/replay
POST /settings/crm/{crm}/retry-dead
POST /settings/forms/{key}/sample
POST /settings/letters/{id}/{deed}
POST /settings/submissions/{id}/replay
GET /spend
POST /spend
POST /spend/{id}
POST /spend/{id}/remove
"""
"""Decides for others."""

INSPECT = """
GET /settings
GET /settings/access
GET /settings/crm
GET /settings/crm/deliveries/{id}
GET /settings/forms/{key}
GET /settings/guide
GET /settings/hours
GET /settings/letters
GET /settings/letters/{id}
GET /settings/log
GET /settings/people
GET /settings/people/{id}
GET /settings/sources
POST /settings/sources/{kind}/{name}/examine
GET /settings/submissions/{id}
"""
"""How it is set up."""

ADMINISTER = """
POST /api/v1/hours/exceptions
DELETE /api/v1/hours/exceptions/{id}
POST /settings/access/sessions/{id}/end
POST /settings/access/tokens
POST /settings/access/tokens/{id}/revoke
POST /settings/guide/{kind}
POST /settings/hours
POST /settings/hours/{id}/remove
POST /settings/people
POST /settings/people/{id}
POST /settings/people/{id}/factor
POST /settings/people/{id}/link
POST /settings/people/{id}/lock
POST /settings/people/{id}/unlock
"""
"""People, tokens, hours, and what reaches out of the house: the owner alone."""

WORKERS = frozenset({"owner", "chief", "manager", "token"})
ALLOWED: dict[str, frozenset[str]] = {
    OWN: (WORKERS - {"token"}) | {"auditor"},
    SEE: WORKERS | {"auditor"},
    WORK: WORKERS,
    DECIDE: WORKERS - {"manager"},
    LEAD: WORKERS - {"manager"},
    INSPECT: (WORKERS - {"manager"}) | {"auditor"},
    ADMINISTER: frozenset({"owner"}),
}
"""Who may, for each part of the table."""
TABLE: dict[tuple[str, str], frozenset[str]] = {
    (line.split()[0], line.split()[1]): who for lines, who in ALLOWED.items() for line in lines.split("\n") if line
}
"""Method and path -> the roles that are let in."""
