"""The page of a finished training: one HTML file that loads nothing, in English and Chinese, light and dark.

Names of classes come from the data and are escaped; the policy in the head forbids everything but the styles and
pictures in the file and the one script below, whatever a name may hold.
"""
import base64
import hashlib
import io
import os

import numpy as np

from training.measures import TOP_K

from .axes import charts_of, top_k_of
from .curves import curve_svg
from .heatmap import drawn_classes, heatmap_svg
from .markup import both, breakable_name, duration, escaped, name_html, percent, plain
from .numbers import frequent_confusions, worst_first

MAX_CONFUSIONS = 20
MAX_CLASSES = 300
# The switch works without it; it only makes a Chinese browser start in Chinese
SCRIPT = "if(/^zh/i.test(navigator.language))document.getElementById('zh').checked=true"
_STYLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'page.css')
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
script-src 'sha256-{digest}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<input type="radio" class="hidden" name="language" id="en" aria-label="English" autocomplete="off" checked>
<input type="radio" class="hidden" name="language" id="zh" aria-label="中文" autocomplete="off">
<script>{script}</script>
<header class="top">
<div class="titles"><h1>{heading}</h1><p>{subtitle}</p></div>
<div class="languages"><label for="en" lang="en">English</label><label for="zh" lang="zh-CN">中文</label></div>
</header>
<main>
{body}
</main>
<footer><p>{footer}</p></footer>
</body>
</html>
"""


def page_html(measured, history, mistakes, run):
    """Return the page.

    measured: content of metrics.json; history: list of {measure: value}, one an epoch; mistakes: list of Mistake;
    run: Run.
    """
    classes = measured['classes']
    names = [row['name'] for row in classes]
    matrix = np.array(measured['confusion_matrix'], dtype=np.int64)
    with io.open(_STYLE, encoding='utf-8') as stream:
        style = stream.read()
    sections = (_headline(measured, history, matrix), _curves(history, measured['best_epoch']),
                _mistakes(mistakes, names), _confusion(matrix, names), _frequent(matrix, names),
                _classes(classes), _run(run))
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode('ascii')).digest()).decode('ascii')
    return _PAGE.format(
        title=plain('title'), style=style, script=SCRIPT, digest=digest, heading=both('title'),
        subtitle=both('subtitle', classes=len(classes), images='{:,}'.format(matrix.sum())),
        body='\n'.join(section for section in sections if section), footer=both('footer'))


def _section(key, body, kind='panel'):
    return '<section class="%s %s" aria-labelledby="%s"><h2 id="%s">%s</h2>\n%s</section>' % (
        kind, key, key, key, both(key), body)


def _headline(measured, history, matrix):
    best, metrics = measured['best_epoch'], measured['metrics']
    top_5 = top_k_of(history, best)
    seconds = [row['seconds'] for row in history if row.get('seconds') is not None]
    figures = [('accuracy', percent(metrics['accuracy']),
                both('right', correct='{:,}'.format(int(np.trace(matrix))), images='{:,}'.format(matrix.sum())))]
    if top_5 is not None and len(measured['classes']) > TOP_K:       # of five classes five are always right
        figures.append(('top_5', percent(top_5), both('of_best')))
    figures.append(('f1', '%.3f' % metrics['f1'], both('f1_note')))
    figures.append(('best_epoch', str(best), both('of', count=len(history))))
    if seconds:
        figures.append(('time', duration(sum(seconds)), both('an_epoch', time=duration(np.median(seconds)))))
    return '<dl class="figures">%s</dl>' % ''.join(
        '<div class="panel"><dt>%s</dt><dd>%s</dd><dd class="facts">%s</dd></div>' % (both(key), value, note)
        for key, value, note in figures)


def _curves(history, best_epoch):
    figures = []
    for chart in charts_of(history):
        label = 'chart-' + chart.key
        keys = [series.kind for series in chart.series if series.kind != 'rate']
        keys += ['best'] if 'validation' in keys else []
        figures.append('<figure><figcaption><h3 id="%s">%s</h3><ul class="keys">%s</ul></figcaption>\n%s</figure>'
                       % (label, both(chart.key), ''.join('<li class="%s">%s</li>' % (key, both(key)) for key in keys),
                          curve_svg(chart, len(history), best_epoch, label)))
    return _section('curves', '<div class="charts">%s</div>\n<p class="facts">%s</p>\n%s' % (
        '\n'.join(figures), both('train_note'), _history_table(history)))


def _history_table(history):
    columns = [('train-accuracy', percent), ('validation-accuracy', percent), ('train-cross-entropy', '{:.3f}'.format),
               ('validation-cross-entropy', '{:.3f}'.format)]
    head = ''.join('<th>%s<br>%s</th>' % (both(name.split('-', 1)[1]), both(name.split('-', 1)[0]))
                   for name, _ in columns)
    columns += [('lr', '{:g}'.format), ('seconds', '{:.1f}'.format)]
    rows = []
    for number, row in enumerate(history):
        cells = ''.join('<td>%s</td>' % ('' if row.get(name) is None else form(row[name])) for name, form in columns)
        rows.append('<tr><th scope="row">%d</th>%s</tr>' % (row.get('epoch', number) + 1, cells))
    return ('<details><summary>%s</summary><div class="wide" tabindex="0"><table><thead><tr><th>%s</th>%s<th>%s</th>'
            '<th>%s</th></tr></thead><tbody>%s</tbody></table></div></details>'
            % (both('table'), both('epoch'), head, both('lr'), both('seconds'), '\n'.join(rows)))


def _mistakes(mistakes, names):
    if not mistakes:
        return ''
    cards = []
    for mistake in mistakes:
        cards.append(
            '<li><div class="picture"><img src="data:image/jpeg;base64,%s" width="%d" height="%d" alt=""></div>'
            '<p><span class="facts">%s</span> <b class="true">%s</b></p>'
            '<p><span class="facts">%s</span> <b class="false">%s</b></p><p class="facts number">%s</p></li>'
            % ((base64.b64encode(mistake.jpeg).decode('ascii'),) + mistake.size
               + (both('is'), breakable_name(names[mistake.true_class]), both('taken_for'),
                  breakable_name(names[mistake.predicted_class]), percent(mistake.probability))))
    return _section('mistakes', '<p class="facts">%s</p>\n<ul class="cards">%s</ul>' % (
        both('mistakes_note'), '\n'.join(cards)))


def _confusion(matrix, names):
    shown = len(drawn_classes(matrix))
    part = '' if shown == len(names) else '<p class="facts">%s</p>' % both('confusion_part', shown=shown,
                                                                           count=len(names))
    return _section('confusion', '<p class="facts">%s</p>%s\n<div class="wide" tabindex="0">%s</div>' % (
        both('confusion_note'), part, heatmap_svg(matrix, names, 'confusion')))


def _frequent(matrix, names):
    images = matrix.sum(axis=1)
    rows = ['<li><span><b class="true">%s</b> \u2192 <b class="false">%s</b></span>'
            '<span class="number">%d <small>/ %d</small></span></li>'
            % (name_html(names[true_class]), name_html(names[predicted]), count, images[true_class])
            for true_class, predicted, count in frequent_confusions(matrix, MAX_CONFUSIONS)]
    return _section('frequent', '<ol class="pairs">%s</ol>' % '\n'.join(rows) if rows
                    else '<p class="facts">%s</p>' % both('no_mistakes'))


def _classes(classes):
    known = worst_first(classes)
    rows = []
    for row in known[:MAX_CLASSES]:
        share = 100.0 * row['correct'] / row['images']
        rows.append('<li><span class="name">%s</span><span class="number">%.0f\u00a0%% <small>%d / %d</small></span>'
                    '<span class="track"><span class="bar" style="width:%.1f%%"></span></span></li>'
                    % (name_html(row['name']), share, row['correct'], row['images'], share))
    notes = []
    if len(known) > MAX_CLASSES:
        notes.append(both('classes_part', shown=MAX_CLASSES, count=len(known)))
    if len(known) < len(classes):
        notes.append(both('classes_empty', count=len(classes) - len(known)))
    return _section('classes', ''.join('<p class="facts">%s</p>' % note for note in notes)
                    + '<ol class="bars">%s</ol>' % '\n'.join(rows))


def _run(run):
    groups = [(key, getattr(run, key)) for key in ('flags', 'recipe', 'environment')]
    return _section('run', '<div class="lists">%s</div>' % '\n'.join(
        '<div><h3>%s</h3><dl>%s</dl></div>' % (both(key), ''.join(
            '<dt>%s</dt><dd>%s</dd>' % (escaped(name), escaped(text)) for name, text in items.items()))
        for key, items in groups))
