"""One page that holds all it shows: the pictures that went wrong, with their true classes and scores."""

from __future__ import annotations

import base64
import html
import io
import warnings
from typing import Sequence

from .prediction import printable
from .report import summary_lines
from .results import Result, Summary

MAX_CARDS = 300  # chosen: a page of about 3 MB
_THUMBNAIL_PX = 180
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")  # Pillow knows more, some of which start other programs

# default-src 'none': whatever a label or a name may hold, the page loads and runs nothing
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --line: #8886; --bar: #4a90d955; --right: #2c9c4b; --wrong: #d24a3a; }}
body {{ font: 15px/1.45 system-ui, "Noto Sans CJK SC", sans-serif; }}
body {{ margin: 2rem auto; max-width: 84rem; padding: 0 1rem; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
pre {{ overflow-x: auto; }}
ul {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }}
ul, ol {{ list-style: none; padding: 0; }}
li {{ border: 1px solid var(--line); border-radius: 6px; padding: .7rem; min-width: 0; }}
figure {{ margin: 0 0 .5rem; height: 180px; display: grid; place-items: center; }}
img {{ max-width: 100%; max-height: 180px; }}
p {{ margin: .15rem 0; overflow-wrap: anywhere; }}
.file {{ font-size: .8rem; opacity: .7; }}
.true {{ color: var(--right); font-weight: 600; }} .wrong {{ color: var(--wrong); font-weight: 600; }}
ol {{ margin: .5rem 0 0; font-size: .85rem; }}
ol li {{ border: 0; border-radius: 2px; padding: 0 .3rem; margin: 2px 0;
  display: flex; justify-content: space-between; gap: .5rem;
  background: linear-gradient(to right, var(--bar) var(--share), transparent var(--share)); }}
ol span {{ overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
</style>
</head>
<body>
<h1>{title}</h1>
<pre>{summary}</pre>
<h2>{heading}</h2>
<ul>
{cards}
</ul>
</body>
</html>
"""


def results_page(results: Sequence[Result], summary: Summary, service: str, folder: str = "") -> str:
    """Return the page: the wrong pictures, the surest mistakes first, or all where no true class is known.

    service: what answered, for the title. folder: left out at the start of the files' names.
    At most MAX_CARDS pictures are shown, and the page tells how many there are.
    """
    if summary.judged:
        chosen = sorted((result for result in results if result.is_wrong), key=lambda result: -_score(result))
        heading = "wrong, the surest first"
    else:
        chosen = [result for result in results if result.found is not None]
        heading = "predictions"
    shown = chosen[:MAX_CARDS]
    count = f"{len(shown):,} of {len(chosen):,}" if len(shown) < len(chosen) else f"{len(shown):,}"
    return _PAGE.format(
        title=_escaped(f"Predictions of {service}"),
        summary=_escaped_lines(summary_lines(summary, results)),
        heading=_escaped(f"{count} {heading}"),
        cards="\n".join(_card(result, folder) for result in shown),
    )


def _card(result: Result, folder: str) -> str:
    truth, found = result.picture.truth, result.found
    assert found is not None
    parts = [f"<figure>{_image(result)}</figure>", f'<p class="file">{_escaped(result.name_in(folder))}</p>']
    if truth is not None:
        parts.append(f'<p>is <span class="true">{_escaped(truth)}</span></p>')
        parts.append(f'<p>taken for <span class="wrong">{_escaped(found.label)}</span></p>')
    rows = []
    for place, (label, score) in enumerate(found.scores, 1):
        kind = ' class="true"' if place == result.rank else ""
        share = 100 * min(max(score, 0.0), 1.0)
        bar = f'<li style="--share:{share:.1f}%">'
        rows.append(f"{bar}<span{kind}>{_escaped(label)}</span><span>{score:.3f}</span></li>")
    return f"<li>{''.join(parts)}<ol>{''.join(rows)}</ol></li>"


def _image(result: Result) -> str:
    try:
        encoded = base64.b64encode(_thumbnail(result.picture.read())).decode("ascii")
    # Pillow's decoders raise nearly any type on hostile bytes
    except Exception:
        return "<p>no preview</p>"
    return f'<img src="data:image/jpeg;base64,{encoded}" alt="">'


def _thumbnail(content: bytes) -> bytes:
    """Return a small JPEG of a picture, upright, on white where it is transparent."""
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            picture.draft(None, (_THUMBNAIL_PX * 2, _THUMBNAIL_PX * 2))
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    upright.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
    flat = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright).convert("RGB")
    encoded = io.BytesIO()
    flat.save(encoded, "JPEG", quality=80)
    return encoded.getvalue()


def _score(result: Result) -> float:
    return result.found.score if result.found is not None else 0.0


def _escaped(text: str) -> str:
    return html.escape(printable(text), quote=True)


def _escaped_lines(lines: Sequence[str]) -> str:
    return "\n".join(map(_escaped, lines))
