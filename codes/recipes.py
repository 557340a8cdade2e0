"""How a network is taught: augmentation, optimizer, schedule and first weights under one name, chosen by --recipe.

docs/recipe.md tells what each part of `modern` brings; `--recipe=modern,label_smoothing=0` leaves one out.
"""
from collections import namedtuple

COSINE = 'cosine'
REFERENCE_BATCH = 128       # the tutorial's --batch_size
# He et al., "Bag of Tricks", 2018, section 4: B has the stride of a bottleneck in its 3 x 3 convolution; C, three 3 x 3
# convolutions instead of the 7 x 7 one of the stem; D, shortcuts that average where they halve height and width
FORMS = ('B', 'C', 'D')

Recipe = namedtuple('Recipe', (
    # augmentation
    'mirror_share '         # part of the pictures that is mirrored
    'crop_area '            # smallest and largest share of the picture that a crop takes
    'crop_ratio '           # smallest and largest width over height of a crop
    'brightness contrast saturation '   # largest relative change
    'pca_noise '            # standard deviation of the change along the main axes of the colours
    'mixup '                # two pictures are blended by a share of beta(alpha, alpha); 0: never (Zhang et al., 2017)
    'cutmix '               # the same for pasting a rectangle of another picture (Yun et al., 2019)
    'label_smoothing '      # part of the target that is spread over all classes (Szegedy et al., 2015)
    # optimizer: Nesterov's accelerated gradient
    'lr '                   # largest rate, where --lr is not given
    'scales_lr '            # 1: lr is for REFERENCE_BATCH images an update, and in proportion for others (Goyal et al.)
    'momentum '
    'weight_decay '         # L2, of convolutions and the last layer
    'decay_batch_norm '     # 1: BatchNorm's gamma decays too, as in the tutorial
    'clip_gradient '        # largest element of a gradient
    # schedule
    'lr_step '              # where --lr_step is not given: epochs, or COSINE for half a cosine down to zero
    'warmup '               # share of all updates in which the rate rises to lr
    # network
    'zero_init '            # 1: the last BatchNorm of a unit starts at zero (Goyal et al., 2017, section 5.1)
    'form'                  # of the residual network, one of FORMS
))
TUTORIAL = Recipe(
    mirror_share=0.0, crop_area=(0.08, 1.0), crop_ratio=(0.75, 1.3333), brightness=0.4, contrast=0.4, saturation=0.4,
    pca_noise=0.1, mixup=0.0, cutmix=0.0, label_smoothing=0.0,
    lr=0.1, scales_lr=0, momentum=0.9, weight_decay=1e-4, decay_batch_norm=1, clip_gradient=5.0,
    lr_step=(16, 24, 27), warmup=0.0, zero_init=0, form='B')
# Nothing is mirrored: in most classes of Caltech-101 all things look the same way
MODERN = TUTORIAL._replace(
    crop_area=(0.35, 1.0), brightness=0.2, contrast=0.2, saturation=0.2, pca_noise=0.0, label_smoothing=0.1,
    lr=0.4, scales_lr=1, weight_decay=2e-3, decay_batch_norm=0, lr_step=COSINE, warmup=0.1, zero_init=1, form='D')
# for few pictures and few epochs, when the network has no time to learn from small crops
GENTLE = TUTORIAL._replace(
    mirror_share=0.5, crop_area=(0.6, 1.0), crop_ratio=(0.8, 1.25), brightness=0.2, contrast=0.2, saturation=0.2,
    pca_noise=0.0, zero_init=1)
RECIPES = {'gentle': GENTLE, 'modern': MODERN, 'tutorial': TUTORIAL}


def parse_recipe(text):
    """Return the Recipe that `NAME` or `NAME,part=value,...` asks for.

    Raises ValueError with a sentence that lists what there is.
    """
    name, _, changes = text.partition(',')
    if name not in RECIPES:
        raise ValueError('%r is no recipe; there are %s' % (name, ', '.join(sorted(RECIPES))))
    recipe = RECIPES[name]
    for change in changes.split(',') if changes else ():
        part, _, value = change.partition('=')
        if part not in Recipe._fields:
            raise ValueError('%r is no part of a recipe; there are %s' % (part, ', '.join(Recipe._fields)))
        recipe = recipe._replace(**{part: _parse_value(part, value)})
    return recipe


def _pair(text):
    low, high = text.split(':')
    return float(low), float(high)


def _steps(text):
    return COSINE if text == COSINE else tuple(sorted({int(epoch) for epoch in text.split(':') if epoch}))


# (how the text is read, whether the value makes sense, what is expected)
_SHARE = (float, lambda value: 0 <= value <= 1, 'a number from 0 to 1')
_AMOUNT = (float, lambda value: 0 <= value < float('inf'), 'a number of at least 0')
_SWITCH = (int, lambda value: value in (0, 1), '0 or 1')
_PAIR = (_pair, lambda value: 0 < value[0] <= value[1] < float('inf'), 'two numbers in order, as in 0.5:1')
_KINDS = {
    'mirror_share': _SHARE, 'label_smoothing': _SHARE, 'momentum': _SHARE, 'warmup': _SHARE,
    'crop_area': (_pair, lambda value: 0 < value[0] <= value[1] <= 1, 'two numbers up to 1, as in 0.5:1'),
    'crop_ratio': _PAIR, 'decay_batch_norm': _SWITCH, 'zero_init': _SWITCH, 'scales_lr': _SWITCH,
    'lr_step': (_steps, lambda value: value == COSINE or all(epoch >= 1 for epoch in value), 'cosine, or epochs as in '
                                                                                             '16:24:27'),
    'form': (str, lambda value: value in FORMS, 'one of ' + ', '.join(FORMS)),
}


def _parse_value(part, text):
    convert, is_valid, expected = _KINDS.get(part, _AMOUNT)
    try:
        value = convert(text)
    except ValueError:
        value = None
    if value is None or not is_valid(value):
        raise ValueError('%s=%r is not %s' % (part, text, expected))
    return value
