"""Mappings, one a file."""
