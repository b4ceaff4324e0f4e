"""The outbox and its worker: pushes what happened to the CRMs, in order per contact, at least once."""
