"""From the donor to the vial: donations, cultures, reagents, freezing."""
