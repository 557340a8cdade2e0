"""HTML that is safe whatever a class is called, and words in two languages of which the page shows one."""
import html
import unicodedata

from .words import WORDS

MAX_NAME = 60               # characters of a class name on the page; a longer one ends with an ellipsis
LANGUAGES = (('en', 'en'), ('zh', 'zh-CN'))


def escaped(text):
    """Return text for HTML: without control and direction characters, with entities for markup."""
    return html.escape(''.join(' ' if unicodedata.category(character) in ('Cc', 'Cf', 'Cs', 'Zl', 'Zp') else character
                               for character in text), quote=True)


def name_html(name, limit=MAX_NAME):
    """Return a class name for HTML, cut to `limit` characters."""
    return escaped(name if len(name) <= limit else name[:limit - 1] + '\u2026')


def breakable_name(name):
    """Return a class name for HTML that may go on in the next line after an underscore."""
    return name_html(name).replace('_', '_<wbr>')


def both(key, **values):
    """Return the words of `key` in both languages as two spans; style and switch of the page hide one.

    values: numbers and texts to fill in, escaped here.
    """
    return ''.join('<span class="%s" lang="%s">%s</span>' % words for words in _in_languages(key, values))


def both_in_svg(key, kind, x, y):
    """Return the words of `key` likewise as two <text> elements of an SVG, of the style class `kind`."""
    return ''.join('<text class="%s %s" lang="%s" x="%d" y="%d">%s</text>' % (kind, language, tag, x, y, text)
                   for language, tag, text in _in_languages(key, {}))


def plain(key):
    """Return the words of `key` in both languages as one text, for titles that no style can switch."""
    return escaped(' '.join(WORDS[key]))


def percent(share):
    """Return a share of 1 as a percentage with one decimal: '73.1 %'."""
    return '%.1f\u00a0%%' % (100 * share)


def duration(seconds):
    """Return '48 s', '3:20 min' or '2:03 h'."""
    seconds = int(round(seconds))
    if seconds < 60:
        return '%d\u00a0s' % seconds
    if seconds < 3600:
        return '%d:%02d\u00a0min' % divmod(seconds, 60)
    return '%d:%02d\u00a0h' % divmod(seconds // 60, 60)


def _in_languages(key, values):
    """Yield (language, tag of it for HTML, text)."""
    values = {name: escaped(str(value)) for name, value in values.items()}
    for (language, tag), text in zip(LANGUAGES, WORDS[key]):
        yield language, tag, escaped(text).format(**values)
