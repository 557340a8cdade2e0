"""Curves and confusion matrix as PNG for a README, drawn with Pillow alone: the platform has no matplotlib.

Lines are drawn four times as large and reduced, since Pillow draws them without smoothing. The letters are those that
Pillow brings itself; the old ones of the platform know Latin only.
"""
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from files import replacing

from .axes import charts_of, epoch_ticks, place_of
from .heatmap import drawn_classes

INK, SOFT, LINE, GROUND = (29, 34, 38), (92, 100, 107), (223, 221, 214), (255, 255, 255)
COLOURS = {'train': (192, 122, 26), 'validation': (15, 107, 102), 'rate': (15, 107, 102)}
RIGHT, WRONG = (31, 122, 70), (165, 48, 42)
SMOOTHING = 4
PANEL = (420, 300)                          # pixels: width and height of one diagram
LEFT, TOP, INNER_RIGHT, BOTTOM = 54, 44, 404, 250
MATRIX_PX = 816                             # side of the squares, about
LARGEST_CELL_PX = 48
MAX_NAMED = 60                              # with more classes names would be smaller than letters: numbers
NAME_CHARACTERS = 18
FONT_PX = 12
FAINTEST = 0.25                             # of a colour's strength, so that one picture of many shows


def draw_curves(history, best_epoch, path):
    """Write the Charts of a history side by side as a PNG."""
    charts = charts_of(history)
    picture = Image.new('RGB', (PANEL[0] * max(len(charts), 1), PANEL[1]), GROUND)
    for number, chart in enumerate(charts):
        picture.paste(_draw_chart(chart, len(history), best_epoch), (PANEL[0] * number, 0))
    _save(picture, path)


def draw_confusion(measured, path):
    """Write the confusion matrix of metrics.json as a PNG: rows true classes, columns predicted ones."""
    matrix = np.array(measured['confusion_matrix'], dtype=np.int64)
    chosen = drawn_classes(matrix)
    cell = int(min(max(MATRIX_PX // len(chosen), 4), LARGEST_CELL_PX))
    shares = matrix[np.ix_(chosen, chosen)] / np.maximum(matrix.sum(axis=1), 1).astype(float)[chosen, np.newaxis]
    labels = [_latin_name(measured['classes'][label]['name'], label) for label in chosen]
    every = 1 if len(chosen) <= MAX_NAMED else 5
    if every > 1:
        labels = [str(label) for label in chosen]
    side = cell * len(chosen)
    margin = max(_text_size(label)[0] for label in labels) + 30
    picture = Image.new('RGB', (margin + side + 12, margin + side + 12), GROUND)
    squares = Image.fromarray(_colours_of(shares)).resize((side, side), Image.NEAREST)
    picture.paste(squares, (margin, margin))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((margin - 1, margin - 1, margin + side, margin + side), outline=LINE)
    for place in range(0, len(chosen), every):
        middle = margin + place * cell + cell // 2
        _write(draw, (margin - 6, middle), labels[place], SOFT, 'right')
        _write_upwards(picture, (middle, margin - 6), labels[place], SOFT)
    _write(draw, (margin + side // 2, 12), 'predicted', INK, 'middle')
    _write_upwards(picture, (12, margin + side // 2), 'true', INK, 'middle')
    _save(picture, path)


def _draw_chart(chart, num_epochs, best_epoch):
    def place(epoch, value):
        x = LEFT + 8 + (INNER_RIGHT - LEFT - 16) * place_of(epoch, num_epochs)
        return x, BOTTOM - (BOTTOM - TOP) * chart.height_of(value)

    large = Image.new('RGB', tuple(SMOOTHING * side for side in PANEL), GROUND)
    lines = ImageDraw.Draw(large)
    for tick in chart.ticks:
        y = place(1, tick)[1] * SMOOTHING
        lines.line((LEFT * SMOOTHING, y, INNER_RIGHT * SMOOTHING, y), fill=LINE, width=SMOOTHING)
    for series in chart.series:
        points = [tuple(SMOOTHING * one for one in place(*point)) for point in series.points]
        lines.line(points, fill=COLOURS[series.kind], width=2 * SMOOTHING + 1)
        for x, y in points if len(points) == 1 else ():
            lines.ellipse((x - 12, y - 12, x + 12, y + 12), fill=COLOURS[series.kind])
        best = dict(series.points).get(best_epoch)
        if series.kind == 'validation' and best is not None:
            x, y = (SMOOTHING * one for one in place(best_epoch, best))
            for radius in range(17, 24):
                lines.ellipse((x - radius, y - radius, x + radius, y + radius), outline=INK)
    picture = large.resize(PANEL, Image.LANCZOS)
    draw = ImageDraw.Draw(picture)
    for tick in chart.ticks:
        _write(draw, (LEFT - 6, place(1, tick)[1]), '%g' % tick, SOFT, 'right')
    for epoch in epoch_ticks(num_epochs):
        _write(draw, (place(epoch, chart.low)[0], BOTTOM + 14), str(epoch), SOFT, 'middle')
    _write(draw, ((LEFT + INNER_RIGHT) // 2, BOTTOM + 34), 'epoch', SOFT, 'middle')
    _write(draw, (12, 18), {'lr': 'learning rate'}.get(chart.key, chart.key), INK, 'left')
    right = INNER_RIGHT
    for series in chart.series[::-1] if len(chart.series) > 1 else ():
        right -= _write(draw, (right, 18), series.kind, COLOURS[series.kind], 'right') + 16
    return picture


def _colours_of(shares):
    """Return uint8 (rows, columns, 3): white for 0, the colour of right or wrong the stronger the larger the share."""
    strength = np.where(shares > 0, FAINTEST + (1 - FAINTEST) * shares, 0)[:, :, np.newaxis]
    colours = np.where(np.eye(len(shares), dtype=bool)[:, :, np.newaxis], np.array(RIGHT), np.array(WRONG))
    return (255 + (colours - 255) * strength).round().astype(np.uint8)


def _latin_name(name, label):
    """Return a name that Pillow's own letters can write, else the number of the class."""
    name = name if len(name) <= NAME_CHARACTERS else name[:NAME_CHARACTERS - 2] + '..'
    return name if all(' ' <= character <= '~' for character in name) else '#%d' % label


def _font():
    try:
        return ImageFont.load_default(FONT_PX)
    except TypeError:                       # before Pillow 10.1 there is one size
        return ImageFont.load_default()


def _text_size(text):
    font = _font()
    if hasattr(font, 'getbbox'):            # from Pillow 9.2 on, where getsize went away
        return tuple(int(round(side)) for side in font.getbbox(text)[2:])
    return font.getsize(text)


def _write(draw, place, text, colour, side):
    """Write text so that `place` is at its left, middle or right and half its height; returns its width."""
    width, height = _text_size(text)
    left = place[0] - {'left': 0, 'middle': width // 2, 'right': width}[side]
    draw.text((int(left), int(place[1] - height // 2)), text, font=_font(), fill=colour)
    return width


def _write_upwards(picture, place, text, colour, side='bottom'):
    """Write text turned by a quarter, so that `place` is at its bottom or middle."""
    width, height = _text_size(text)
    line = Image.new('RGB', (max(width, 1), height + 2), GROUND)
    ImageDraw.Draw(line).text((0, 0), text, font=_font(), fill=colour)
    line = line.transpose(Image.ROTATE_90)
    top = place[1] - (line.height if side == 'bottom' else line.height // 2)
    picture.paste(line, (int(place[0] - line.width // 2), int(top)))


def _save(picture, path):
    with replacing(path) as part:
        picture.save(part, 'PNG', optimize=True)
