"""The dream step: objective, gradient, octaves, tiles, and what keeps a picture a picture."""
