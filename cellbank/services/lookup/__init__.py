"""What is this, where is it, what came of it, what waits: read only, but for a scan that nobody could read."""
