"""Telephony: speaks AMI, tells calls from events (pure), hands them over. Nothing else."""
