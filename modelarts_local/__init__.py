"""A stand-in for ModelArts on this computer: check a job or a package, train, serve, predict."""
