"""The log of deeds: written in the transaction of the deed, chained, never changed."""
