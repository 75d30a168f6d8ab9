"""Measurements: speed as ratios, quality of the quickstart; results lie in ``benchmarks/results``."""
