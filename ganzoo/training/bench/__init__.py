"""Measurements of speed and memory: operations, training steps, loaders."""
