"""The page that a browser gets: one form that sends an image."""

from __future__ import annotations

import html
from typing import Sequence

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Recognise an image</title></head>
<body>
<h1>Recognise an image</h1>
<form method="post" action="/" enctype="multipart/form-data">
{inputs}
<button>Recognise</button>
</form>
</body>
</html>
"""


def upload_page(input_names: Sequence[str]) -> str:
    """Return the HTML of a form with one file input for each of `input_names`."""
    names = [html.escape(name, quote=True) for name in input_names]
    field = '<label>{name} <input type="file" name="{name}" accept="image/*" required></label>'
    return _PAGE.format(inputs="\n".join(field.format(name=name) for name in names))
