"""Image and array helpers on MXNet arrays."""
