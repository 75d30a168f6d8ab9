"""From a resolved recipe to live objects, and from a run folder back to networks."""
