"""Symbolic links do not leave the tree: neither what is read below a folder nor what is written below it.

The folder that a caller names may be a link itself. Below it, links to what lies inside are followed. One that
leads outside is refused by name: reading through it would publish files that nobody asked for, writing through it
would replace them.
"""
import os

from moxing_shim.errors import MoxFileException, MoxUnsafeKeyException


def leads_out(path, real_root):
    """Where `path` leads to when that is outside of `real_root`, a path without links; else None."""
    real = os.path.realpath(path)
    return None if real == real_root or real.startswith(os.path.join(real_root, '')) else real


def refusal(name, leads_to, root):
    """The exception for a link, or a name that goes through one, that is not followed out of the source folder."""
    return MoxFileException(f'{name!r} leads to {leads_to!r}, out of {str(root)!r}; links are not followed out of the '
                            'folder that is copied: copy that place by itself, or put its files here')


class Fence:
    """Keeps what is written below a local folder inside of it, whatever links lie there; thread-safe."""

    def __init__(self, root):
        self._root, self._real_root = root.path, os.path.realpath(root.path)
        self._inside = set()        # folders found to be so: thousands of files are in a few

    def check(self, place, make_folder):
        """Raise MoxUnsafeKeyException, which names the link, when `place` would be written elsewhere.

        make_folder: function (folder) -> None, called for each folder once, as soon as it is known to be inside.
        """
        folder = os.path.dirname(place.path)
        if folder not in self._inside:
            self._check(folder)
            make_folder(folder)
            self._inside.add(folder)
        if os.path.islink(place.path):
            self._check(place.path)

    def _check(self, path):
        leads_to = leads_out(path, self._real_root)
        if leads_to is None:
            return
        link = path
        while leads_out(os.path.dirname(link), self._real_root) is not None:
            link = os.path.dirname(link)
        raise MoxUnsafeKeyException(
            f'{link!r} is a link that leads out of the target folder {self._root!r}, to {os.path.realpath(link)!r}; '
            'nothing is written through it: remove the link, or name that place as the target')
