"""Probes, their readings, and what warm hours did to which vials."""
