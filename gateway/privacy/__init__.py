"""Personal data: told and erased when a person asks, removed when its time is over."""
