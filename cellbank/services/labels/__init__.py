"""What sticks to a vial, a vessel, a wrist or a tank."""
