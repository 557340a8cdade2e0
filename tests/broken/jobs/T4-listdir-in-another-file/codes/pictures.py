"""The pictures of a folder."""
import os


def list_pictures(folder):
    names = os.listdir(folder)
    return [name for name in names if name.endswith('.jpg')]
