"""Data sets: where the real images come from."""
