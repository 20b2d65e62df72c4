"""Frames in: noise, a picture, a clip, a mask; read ahead of the dream."""
