"""Real servers on the loopback: PostgreSQL and Asterisk, installed by install.sh, started once a test session."""
