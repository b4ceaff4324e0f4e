"""Honest fakes of the CRMs, one file each."""
