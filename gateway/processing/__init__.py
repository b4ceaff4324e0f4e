"""The worker that turns journal rows into contacts, leads and outbox rows, one transaction each."""
