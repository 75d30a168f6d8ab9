"""Growths, one a file."""
