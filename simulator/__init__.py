"""A Xero on loopback, at the wire. Start it with `python -m simulator`. It knows nothing of the exporter."""
