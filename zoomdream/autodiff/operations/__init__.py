"""The operations that networks are made of: each with its vector-Jacobian product, and what it matches.

All are equal to PyTorch's own within rounding, forwards and backwards, and quicker on CPUs; milliseconds are of one
thread with AVX-512 and bfloat16 in hardware. Tensors are channels-last, (1, C, h, w), and need no gradients.
"""
