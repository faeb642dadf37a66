"""What happens by itself when something must not be used: holds, notices, deviations."""
