"""The client of an online service, at home or on the platform."""
