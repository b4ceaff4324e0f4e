"""Rows as other programs see them: the JSON of the REST API and of the events that CRMs are told."""
