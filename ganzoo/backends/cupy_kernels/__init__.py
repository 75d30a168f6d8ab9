"""CUDA kernels as text, compiled when first called; beside each ``.cu`` its host functions.

Nothing here is compiled when ganzoo is installed, and nothing here differentiates: the operations
of `ganzoo.ops` do that, and decide when a kernel runs.
"""
