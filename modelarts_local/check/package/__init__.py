"""The rules about a model package: its files, its config.json, its service code, and how that answers."""
