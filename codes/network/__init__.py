"""The networks: ResNets and those of others, and the files that MXNet keeps them in."""
