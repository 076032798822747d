"""Experts in 4 or 8 bits, in the ``pack-quantized`` format of compressed-tensors."""
