"""What the name of a wheel says: for which Pythons and which platforms it was built."""

from __future__ import annotations

import re

WHEEL = re.compile(r"(?P<name>[^/-]+)-[^/-]+(-\d[^/-]*)?-(?P<python>[^/-]+)-(?P<abi>[^/-]+)-(?P<platform>[^/-]+)\.whl")


def fits_python(wheel: re.Match[str], major: int, minor: int) -> bool:
    """Tell whether a name that WHEEL matches is for CPython major.minor."""
    pythons, abis = set(wheel["python"].split(".")), set(wheel["abi"].split("."))
    own = f"cp{major}{minor}"
    admitted = {own, f"py{major}", *(f"py{major}{older}" for older in range(minor + 1))}
    if "abi3" in abis and major == 3:  # made for an older Python 3, it runs on the later ones
        admitted |= {f"cp3{older}" for older in range(2, minor + 1)}
    return bool(admitted & pythons and {"none", "abi3", own, f"{own}m", f"{own}mu"} & abis)
