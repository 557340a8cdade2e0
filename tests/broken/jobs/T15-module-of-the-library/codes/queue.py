"""The jobs that wait."""
