"""The pages as people meet them: the whole gateway, a PBX that plays calls, and a real Chromium."""
