"""Kernels as data: sources, tables of instantiations, and what launches them."""
