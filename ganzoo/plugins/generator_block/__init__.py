"""Generator blocks, one a file."""
