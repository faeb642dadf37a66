"""What stands in front of people before they sign: what the signature covers, in words, and what is still open."""
