"""The engine that makes networks fast: traced graphs, fused operations and vector-Jacobian products of our own."""
