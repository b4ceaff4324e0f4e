"""The Asterisk Manager Interface, spoken by our own asyncio client: framing, actions, one connection, reconnecting."""
