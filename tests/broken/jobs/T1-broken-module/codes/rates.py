"""Learning rates."""


def rate(value):
    return value +
