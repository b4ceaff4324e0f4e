"""CRM adapters and the seam they pass through. Imports nothing of the gateway; can be published alone."""
