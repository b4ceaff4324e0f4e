"""The pages of the administration: what is set up, who may do what, and what was done."""
