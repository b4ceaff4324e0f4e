"""The telephony room with real sockets and a real Asterisk."""
