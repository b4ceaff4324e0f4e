"""FastAGI: the dialplan asks who gets a caller, and goes on without an answer where there is none."""
