"""Kinds, contracts, discovery and parameter schemas; never imports torch."""
