"""Letters and documents made from templates."""
