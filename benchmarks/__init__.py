"""Measurements: speed as ratios, quality of the quickstart; ``results`` holds what they gave."""
