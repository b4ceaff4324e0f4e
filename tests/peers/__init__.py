"""Real servers on the loopback (PostgreSQL, Asterisk, Dovecot), installed by install.sh, started once a session."""
