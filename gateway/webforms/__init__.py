"""Web forms: ``POST /f/{key}`` from any site builder or script becomes a Draft with person, text and source."""
