"""Weights files: where they come from, how they are downloaded, and how they are read without running them."""
