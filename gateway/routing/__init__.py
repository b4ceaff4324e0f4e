"""Who gets this person: rules, working hours, holidays."""
