"""A clip as it really is: its header, times, cuts, and its frames by number."""
