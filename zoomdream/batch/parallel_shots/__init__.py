"""The shots of one clip, rendered side by side and put together."""
