"""The network."""
height = 5
