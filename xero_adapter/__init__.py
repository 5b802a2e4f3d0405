"""The wall round Xero: behind it the SDK, its quirks and its words; in front of it the port."""
