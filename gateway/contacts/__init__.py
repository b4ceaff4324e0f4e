"""Who is it: handles to one contact, and merging two contacts that prove to be one person."""
