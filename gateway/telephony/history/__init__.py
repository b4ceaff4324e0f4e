"""Calls that were made while nobody listened, from the PBX's own logs.

CEL (channel event log) tells each step of a call and survives a crash of the PBX; CDR (call detail records) tells a
summary that is written when a call is over. Both are turned into the events that the AMI would have sent, and the one
call tracker says what they mean: ``rows`` and ``columns`` read rows, ``cel`` and ``cdr`` make events of them,
``grouping`` finds out which rows are one call and when it is over, ``logfile`` and ``logtable`` read CSV files and SQL
tables, ``backfill`` does it for a running gateway, ``report`` hands the calls over.
"""
