"""Whoever did not get through is called back: a duty that somebody owns until the person was reached."""
