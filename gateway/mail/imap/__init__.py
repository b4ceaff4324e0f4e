"""Mailboxes read by IMAP: every letter once, whoever else reads the mailbox.

Nothing in the mailbox is changed (EXAMINE, BODY.PEEK). What was read is told by UIDVALIDITY and the last UID of each
folder, stored in the transaction of the letters; IDLE only says when to look.
"""
