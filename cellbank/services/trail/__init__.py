"""What was done, by whom, when and why: kept, verified, looked through, reviewed."""
