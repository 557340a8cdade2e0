"""What is drawn of a history, as numbers: series, ranges and ticks. Page and PNG share them."""
import collections
import math

from training.measures import TOP_K

LOG_FROM_RATIO = 20         # of largest to smallest value: from there on a linear axis hides the small ones

# kind: 'train', 'validation' or 'rate'; points: list of (epoch counted from 1, value)
Series = collections.namedtuple('Series', 'kind points')


class Chart(collections.namedtuple('Chart', 'key series low high is_log ticks')):
    """One diagram. key: 'accuracy', 'cross-entropy' or 'lr'; low, high: ends of the axis; ticks: values on it."""

    def height_of(self, value):
        """Return where a value stands, from 0 at the bottom to 1 at the top."""
        if self.is_log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)


def charts_of(history):
    """Return the Charts of a history: accuracy, cross-entropy and learning rate; those without a number are left out.

    history: list of {measure: value}, one an epoch.
    """
    charts = []
    for key in ('accuracy', 'cross-entropy'):
        series = [Series(kind, _points(history, '%s-%s' % (kind, key))) for kind in ('train', 'validation')]
        charts.append(_chart(key, [one for one in series if one.points]))
    charts.append(_chart('lr', [one for one in [Series('rate', _points(history, 'lr'))] if one.points]))
    return [chart for chart in charts if chart.series]


def top_k_of(history, epoch):
    """Return the validation top-5 accuracy after `epoch` epochs, None where the history has none."""
    return dict(_points(history, 'validation-top_k_accuracy_%d' % TOP_K)).get(epoch)


def place_of(epoch, num_epochs):
    """Return where an epoch, counted from 1, stands: 0 at the left to 1 at the right, the only one in the middle."""
    return (epoch - 1) / float(num_epochs - 1) if num_epochs > 1 else 0.5


def epoch_ticks(num_epochs, count=8):
    """Return about `count` whole epochs from 1 to num_epochs to write below an axis."""
    step = max(1, int(_nice_step(num_epochs, count)))
    return sorted({1, num_epochs} | {epoch for epoch in range(step, num_epochs, step)
                                     if epoch - 1 >= step / 2.0 and num_epochs - epoch >= step / 2.0})


def nice_ticks(high, count=5):
    """Return round numbers from 0 to at least `high`, about `count` of them."""
    step = _nice_step(high, count)
    return [step * i for i in range(int(math.ceil(high / step - 1e-9)) + 1)]


def _nice_step(span, count):
    """Return the smallest of 1, 2, 2.5, 5 times a power of ten that needs at most `count` steps for the span."""
    rough = span / float(count)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step for step in (factor * power for factor in (1, 2, 2.5, 5, 10)) if step >= rough * (1 - 1e-9))


def _points(history, name):
    values = ((row.get('epoch', number) + 1, row.get(name)) for number, row in enumerate(history))
    return [(epoch, value) for epoch, value in values if value is not None and math.isfinite(value)]


def _chart(key, series):
    values = [value for one in series for _, value in one.points] or [0.0]
    low, high = min(values), max(values)
    if key == 'lr' and low > 0 and high / low >= LOG_FROM_RATIO:
        powers = range(int(math.floor(math.log10(low) + 1e-9)), int(math.ceil(math.log10(high) - 1e-9)) + 1)
        ticks = [10.0 ** power for power in powers]
        return Chart(key, series, ticks[0], ticks[-1], True, ticks)
    ticks = nice_ticks(max(high, 1e-6))
    return Chart(key, series, 0.0, ticks[-1], False, ticks)
