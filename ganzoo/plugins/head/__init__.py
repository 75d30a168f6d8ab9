"""Heads, one a file."""
