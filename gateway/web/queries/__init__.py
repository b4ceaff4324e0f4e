"""What the pages and the API read: functions of a Connection, each a few indexed statements, never one a row."""
