"""The durable way in: journal and spool. An item is acknowledged only after it passed here."""
