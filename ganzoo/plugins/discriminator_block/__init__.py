"""Discriminator blocks, one a file."""
