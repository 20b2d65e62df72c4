"""Colour: pyramids, the statistics of a picture, and pulling them back to their reference."""
