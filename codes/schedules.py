"""The learning rate as a function of the number of the update alone, so that a resumed run needs no history of it."""
from mxnet_support import engine

mx = engine.import_mxnet()


class EpochSteps(mx.lr_scheduler.LRScheduler):
    """Learning rate times `factor` after each epoch in `steps`; it depends on the number of the update alone.

    MXNet's MultiFactorScheduler counts its steps while it runs and would have to be replayed after a resume.
    """

    def __init__(self, base_lr, steps, factor, batches_per_epoch):
        super(EpochSteps, self).__init__(base_lr=base_lr)
        self.initial_lr = base_lr       # the optimizer writes base_lr itself
        self.steps = steps
        self.factor = factor
        self.batches_per_epoch = batches_per_epoch

    def __call__(self, num_update):
        """Return the learning rate of update number `num_update`; MXNet counts them from 1."""
        return self.at_epoch((max(num_update, 1) - 1) // self.batches_per_epoch)

    def at_epoch(self, epoch):
        """Return the learning rate of an epoch, counted from 0."""
        return self.initial_lr * self.factor ** sum(epoch >= step for step in self.steps)
