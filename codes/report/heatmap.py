"""A confusion matrix as SVG: one small square for each pair that occurs, so that a hundred classes stay legible."""
import numpy as np

from .markup import name_html
from .numbers import most_mistaken

MAX_CLASSES = 130               # drawn; beyond, those with most mistakes
WIDTH_PX = 930                  # of the squares of many classes; of few they would be too large
SMALLEST_PX, LARGEST_PX = 7.0, 44.0
LARGEST_FONT_PX = 13.0
LABEL_CHARACTERS = 18
CHARACTER_WIDTH = 0.68          # of the font size: capitals are wide
STEPS = (0.04, 0.12, 0.3, 0.6)  # shares of a row at which a square becomes darker: chosen, small shares matter
LINES_EVERY = 5
NUMBER_FROM_PX = 26             # squares as large as this have room for their number


def drawn_classes(matrix):
    """Return the numbers of the classes that `heatmap_svg` draws."""
    return list(range(len(matrix))) if len(matrix) <= MAX_CLASSES else most_mistaken(matrix, MAX_CLASSES)


def heatmap_svg(matrix, class_names, label_id):
    """Return the matrix as an SVG element with its size in pixels; the page scrolls it on narrow screens.

    matrix: int array (classes, classes), rows are true classes; label_id: id of the heading that names it.
    """
    chosen = drawn_classes(matrix)
    names = [class_names[label] for label in chosen]
    cell = round(min(max(WIDTH_PX / float(len(chosen)), SMALLEST_PX), LARGEST_PX), 1)
    font = min(LARGEST_FONT_PX, cell)
    margin = font * CHARACTER_WIDTH * min(LABEL_CHARACTERS, max(len(name) for name in names)) + 8
    side = cell * len(chosen)
    parts = ['<svg class="matrix" width="{0:.0f}" height="{0:.0f}" font-size="{1:.1f}" role="img" '
             'aria-labelledby="{2}"><g transform="translate({3:.1f} {3:.1f})">'.format(
                 margin + side + 2, font, label_id, margin)]
    parts.append('<path class="field" d="M0 0h{0:.1f}v{0:.1f}H0z"/>'.format(side))
    for place, name in enumerate(names):
        middle = (place + 0.5) * cell + font * 0.35
        label = name_html(name, LABEL_CHARACTERS)
        parts.append('<text class="end" x="-4" y="%.1f">%s</text>' % (middle, label))
        parts.append('<text transform="translate(%.1f -4)rotate(-90)">%s</text>' % (middle, label))
    parts.append('<path class="grid" d="%s"/>' % ''.join(
        'M0 {0:.1f}H{1:.1f}M{0:.1f} 0V{1:.1f}'.format(place * cell, side)
        for place in range(LINES_EVERY, len(chosen), LINES_EVERY)))
    parts.extend(_squares(matrix, chosen, names, cell))
    return ''.join(parts) + '</g></svg>'


def _squares(matrix, chosen, names, cell):
    """Yield a group for each darkness of right and wrong, with a titled square for each pair that occurs."""
    images = matrix.sum(axis=1)
    part = matrix[np.ix_(chosen, chosen)]
    groups = {}
    for row, column in zip(*np.nonzero(part)):
        count, total = part[row, column], images[chosen[row]]
        darkness = sum(count >= step * total for step in STEPS)
        square = '<path d="M{0:.1f} {1:.1f}h{2}v{2}h-{2}z"><title>{3} \u2192 {4}: {5}/{6}</title></path>'.format(
            column * cell, row * cell, cell, name_html(names[row]), name_html(names[column]), count, total)
        if cell >= NUMBER_FROM_PX:
            square += '<text class="mid" x="%.1f" y="%.1f">%d</text>' % (
                (column + 0.5) * cell, (row + 0.5) * cell + 0.35 * LARGEST_FONT_PX, count)
        groups.setdefault(('right' if row == column else 'wrong', darkness), []).append(square)
    for (kind, darkness), squares in sorted(groups.items()):
        yield '<g class="%s d%d">%s</g>' % (kind, darkness, ''.join(squares))
