"""The curves of a training as SVG: axes with labels, a ring at the best epoch, values where one points."""
from .axes import epoch_ticks, place_of
from .markup import both_in_svg, plain

# In units of the drawing; one is about a pixel on a wide screen
WIDTH, HEIGHT = 420, 270
LEFT, RIGHT, TOP, BOTTOM = 50, 408, 34, 222
MAX_READOUTS = 120          # epochs with values to point at; of more, every second, third...


def curve_svg(chart, num_epochs, best_epoch, label_id):
    """Return one Chart as an SVG element.

    label_id: id of the heading that names it. An epoch's values show where one points at it, by style alone, and are
    the element's title for those who cannot see it.
    """
    def x(epoch):
        return LEFT + 8 + (RIGHT - LEFT - 16) * place_of(epoch, num_epochs)

    def y(value):
        return BOTTOM - (BOTTOM - TOP) * chart.height_of(value)

    parts = ['<svg viewBox="0 0 %d %d" role="img" aria-labelledby="%s">' % (WIDTH, HEIGHT, label_id)]
    for tick in chart.ticks:
        parts.append('<path class="grid" d="M%d %.1fH%d"/><text class="tick end" x="%d" y="%.1f">%s</text>'
                     % (LEFT, y(tick), RIGHT, LEFT - 7, y(tick) + 4, '%g' % tick))
    for tick in epoch_ticks(num_epochs):
        parts.append('<text class="tick mid" x="%.1f" y="%d">%d</text>' % (x(tick), BOTTOM + 19, tick))
    parts.append(both_in_svg('epoch', 'tick mid', (LEFT + RIGHT) // 2, BOTTOM + 40))
    parts.append(both_in_svg(chart.key, 'tick', 4, TOP - 18))
    for series in chart.series:
        points = ' '.join('%.1f %.1f' % (x(epoch), y(value)) for epoch, value in series.points)
        parts.append('<path class="line %s" d="M%s"/>' % (series.kind, points))
        if len(series.points) == 1:
            epoch, value = series.points[0]
            parts.append('<circle class="dot %s" cx="%.1f" cy="%.1f" r="3.5"/>' % (series.kind, x(epoch), y(value)))
        best = dict(series.points).get(best_epoch)
        if series.kind == 'validation' and best is not None:
            parts.append('<circle class="ring" cx="%.1f" cy="%.1f" r="5.5"/>' % (x(best_epoch), y(best)))
    parts.extend(_readouts(chart, num_epochs, x, y))
    return ''.join(parts) + '</svg>'


def _readouts(chart, num_epochs, x, y):
    """Yield a group for each epoch: the band to point at and what shows then."""
    stride = -(-num_epochs // MAX_READOUTS)
    width = (RIGHT - LEFT) / float(num_epochs) * stride
    values = {}
    for series in chart.series:
        for epoch, value in series.points:
            values.setdefault(epoch, []).append((series.kind, value))
    for epoch in sorted(values)[::stride]:
        title = ', '.join('%s %.4g' % (plain(kind), value) for kind, value in values[epoch])
        shown = ''.join('<tspan class="%s" dx="9">%.4g</tspan>' % item for item in values[epoch])
        dots = ''.join('<circle class="dot %s" cx="%.1f" cy="%.1f" r="3.5"/>' % (kind, x(epoch), y(value))
                       for kind, value in values[epoch])
        yield ('<g class="at"><title>%s %d: %s</title><rect x="%.1f" y="%d" width="%.1f" height="%d"/>'
               '<path d="M%.1f %dV%d"/>%s<text class="end" x="%d" y="%d">%d%s</text></g>'
               % (plain('epoch'), epoch, title, x(epoch) - width / 2, TOP, width, BOTTOM - TOP, x(epoch), TOP, BOTTOM,
                  dots, RIGHT, TOP - 18, epoch, shown))
