"""What makes a training the one that it is: no checkpoint of another is continued, and no worker has another."""
from dataset.preprocessing import Preprocessing
from network.pretrained_files import digest_of
from recipes import COSINE

# With data and recipe, all flags that decide the course of a training
FLAGS = ('num_layers', 'image_size', 'num_classes', 'num_examples', 'batch_size', 'lr_factor', 'seed')
# Parts of a recipe that are flags of their own, too, and go by the flag's name
RECIPE_FLAGS = ('lr', 'lr_step')
# The workers of a training must agree on these, too
COMMON_FLAGS = ('num_epochs', 'kv_store', 'dtype', 'gradient_compression', 'compression_threshold', 'resume')


def identity_of(options, dataset, pretrained, preprocessing):
    """Return {name: value} of all that decides the course of the training.

    pretrained: PretrainedFiles to begin with, or None.
    """
    identity = {name: getattr(options, name) for name in FLAGS}
    identity.update((part if part in RECIPE_FLAGS else 'recipe.' + part, value)
                    for part, value in options.recipe._asdict().items())
    if options.recipe.lr_step == COSINE or options.recipe.warmup:   # a longer one has other rates from the start
        identity['num_epochs'] = options.num_epochs
    if pretrained is not None:
        identity['pretrained_sha256'] = digest_of(pretrained)
    usual = Preprocessing.for_image_size(options.image_size)
    identity.update((name, value) for name, value in preprocessing._asdict().items() if value != getattr(usual, name))
    return dict(identity, data_sha256=dataset.sha256)


def facts_in_common(options, identity, devices):
    """Return {name: value} of all that must be the same on every worker of a training."""
    return dict(identity, devices=len(devices.contexts), **{name: getattr(options, name) for name in COMMON_FLAGS})
