"""What leaves the building on paper, and what it says."""
