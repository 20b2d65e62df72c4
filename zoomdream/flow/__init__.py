"""Optical flow of a clip: estimators, confidence, carrying a dream along, and frames in between."""
