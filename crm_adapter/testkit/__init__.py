"""What an author of an adapter tests with: an honest fake CRM over a real socket, events, and the contract.

Ships, so that other packages can use it. Needs pytest with asyncio_mode = "auto".
"""
