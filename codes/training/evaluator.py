"""Running a set of pictures through a network that is being trained."""
import numpy as np
from mxnet_support import engine

from .measures import RunningMeasures

mx = engine.import_mxnet()


class Evaluator:
    """Runs a set through a network without training it. symbol, contexts: as of the module that is trained."""

    def __init__(self, symbol, contexts):
        self._module = mx.mod.Module(symbol, data_names=['data'], label_names=['softmax_label'], context=contexts)

    def evaluate(self, trained, batches, after_batch=None):
        """Run EvaluationBatches through the network with the weights of a trained module.

        after_batch: called after each. Returns (RunningMeasures, labels, probabilities): int array (N,), float array
        (N, classes).
        """
        if not self._module.binded:
            with engine.plain_graph():
                self._module.bind(trained.data_shapes, trained.label_shapes, for_training=False)
        self._module.set_params(*trained.get_params())
        return run_through(self._module, batches, after_batch)


def run_through(module, batches, after_batch=None):
    """Run EvaluationBatches, or what yields the same, through a bound module with weights; returns as `evaluate`."""
    measures, labels, probabilities = RunningMeasures(), [], []
    for batch in batches:
        module.forward(to_mxnet(batch), is_train=False)
        count = len(batch.labels) - batch.padding
        probabilities.append(module.get_outputs()[0].asnumpy()[:count])
        labels.append(batch.labels[:count])
        measures.add(probabilities[-1], labels[-1])
        if after_batch is not None:
            after_batch()
    if not labels:              # fewer images than workers
        return measures, np.zeros(0, dtype=np.int64), np.zeros((0, 0))
    return measures, np.concatenate(labels), np.concatenate(probabilities)


def to_mxnet(batch):
    """Return a Batch as a mx.io.DataBatch."""
    label = None if batch.targets is None else [mx.nd.array(batch.targets)]
    return mx.io.DataBatch(data=[mx.nd.array(batch.images)], label=label, pad=batch.padding)
