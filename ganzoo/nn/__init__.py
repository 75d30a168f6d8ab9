"""Layers with parameters, and the small objects that networks hand to each other."""
