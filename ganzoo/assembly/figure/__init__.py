"""A recipe's architecture as a figure: what happens, how it is arranged, how it is drawn."""
