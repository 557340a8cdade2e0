"""The training: epochs, learning rate, several devices and workers, checkpoints, and being interrupted."""
