"""Two real Asterisks: the company's PBX, and the world of provider and phones that calls it."""
