"""Stages, phases, the loop, checkpoints and statistics; knows nothing of any architecture."""
