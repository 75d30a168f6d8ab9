"""The recipes that ship with ganzoo: YAML files; there is no code here."""
