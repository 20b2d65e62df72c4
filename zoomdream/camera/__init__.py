"""The camera: motion as a backward flow field, the one operation that moves pixels, and what enters over the border."""
