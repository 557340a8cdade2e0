"""The model package, as one imports it on the platform: its files, and the signature that it is deployed with."""
