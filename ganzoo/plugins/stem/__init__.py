"""Stems, one a file."""
