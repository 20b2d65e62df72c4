"""Pure functions on tensors: nothing here knows files, configuration or devices beyond those of its arguments."""
