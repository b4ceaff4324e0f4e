"""Mail: speaks SMTP and IMAP, reads letters (pure), hands them over. Nothing else."""
