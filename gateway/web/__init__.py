"""What people and programs see over HTTP: pages, REST API, live events, health, metrics; accounts and sessions."""
