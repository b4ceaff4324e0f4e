"""Real servers on the loopback: PostgreSQL, Asterisk and Dovecot, installed by install.sh, started once a test session."""
