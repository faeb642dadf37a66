"""What things are called and how values are said: the words that pages, papers and the trail share."""
