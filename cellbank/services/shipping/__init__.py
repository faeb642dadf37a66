"""Shipments between sites: what travels in which shipper, who had it in hand, and what arrived."""
