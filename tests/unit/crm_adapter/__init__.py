"""The adapters without IO: the guard, the meaning of statuses, options, signatures."""
