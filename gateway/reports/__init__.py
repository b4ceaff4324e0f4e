"""The owner's questions, answered from the stored facts."""
