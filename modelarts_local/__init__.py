"""A stand-in for ModelArts on this computer: serve a model package and ask it for predictions."""
