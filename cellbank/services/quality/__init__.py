"""What is asked of a product and what was found: tests, deviations, holds, release, recall."""
