"""Letters and notices on their way out: stored in the transaction of their cause, sent until they arrive."""
