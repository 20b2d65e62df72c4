"""Frames out: segments, joining, sound, metadata, encoders in hardware."""
