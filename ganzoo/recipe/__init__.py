"""YAML to one typed, resolved, hashed recipe; never imports torch."""
