"""The learning rate as a function of the number of the update alone, so that a resumed run needs no history of it."""
import math

from mxnet_support import engine

from recipes import COSINE

mx = engine.import_mxnet()


class LearningRate(mx.lr_scheduler.LRScheduler):
    """A linear warm-up, then steps at whole epochs or half a cosine down to zero.

    recipe: Recipe, of which `lr` is the largest rate, `warmup` the share of all updates in which the rate rises to it,
    and `lr_step` the epochs after which the rate is multiplied by `factor`, or recipes.COSINE, which comes down by
    num_epochs.

    MXNet's MultiFactorScheduler counts its steps while it runs and would have to be replayed after a resume.
    """

    def __init__(self, recipe, factor, num_epochs, batches_per_epoch):
        super(LearningRate, self).__init__(base_lr=recipe.lr)
        self.peak = recipe.lr           # the optimizer writes base_lr itself
        self.steps = recipe.lr_step
        self.factor = factor
        self.num_updates = num_epochs * batches_per_epoch
        self.warmup_updates = int(round(recipe.warmup * self.num_updates))
        self.batches_per_epoch = batches_per_epoch

    def __call__(self, num_update):
        """Return the learning rate of update number `num_update`; MXNet counts them from 1."""
        done = max(num_update, 1) - 1
        if done < self.warmup_updates:
            return self.peak * (done + 1) / self.warmup_updates
        if self.steps != COSINE:
            epoch = done // self.batches_per_epoch
            return self.peak * self.factor ** sum(epoch >= step for step in self.steps)
        share = (done - self.warmup_updates) / float(max(self.num_updates - self.warmup_updates, 1))
        return self.peak * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))

    def at_epoch(self, epoch):
        """Return the learning rate of the first update of an epoch, counted from 0."""
        return self(epoch * self.batches_per_epoch + 1)
