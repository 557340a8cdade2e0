"""Compares recipes on one GPU, many trainings side by side, by a replica of the job written for PyTorch.

    python -m benchmarks.recipe_search DATA OUT RECIPE ...
    python -m benchmarks.recipe_search check DATA

DATA is a folder that `obs-layout pack` made. PyTorch, NumPy and Pillow are needed, MXNet only for `check`.

The replica takes from codes/ as they are: the recipes, how records are read and pictures decoded, and the numbers of
augmentation and normalising. It has of its own: crop and resize, Pillow's way on the GPU; the random changes, from
another source of chance; the ResNets; MXNet's Nesterov update; schedule, targets and their mixing. `check` compares
these with codes/, and check.py tells how far they agree.

On a GPU the network computes in bfloat16, and weights, update and BatchNorm's statistics are float32. So equal seeds do
not give equal networks, neither beside the job's nor in two runs of this program.
"""
