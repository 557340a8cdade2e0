"""Compares how the replica learns with MXNet: learning rates, the update alone, and whole updates of the network."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

import numpy as np
import torch

from benchmarks.recipe_search.finding import Finding
from benchmarks.recipe_search.network import arrays_of, run_network
from benchmarks.recipe_search.pictures import Pictures
from benchmarks.recipe_search.schedule import STEP_FACTOR, learning_rates
from benchmarks.recipe_search.training import Kind, Training
from benchmarks.recipe_search.trials import Settings, largest_rate, parse_trial
from benchmarks.recipe_search.update import update_weights
from mxnet_support import engine

from dataset.batches import EvaluationBatches, TrainingBatches
from dataset.preprocessing import Preprocessing
from network.resnet import get_symbol
from recipes import RECIPES
from training.evaluator import Evaluator, to_mxnet
from training.schedules import LearningRate
from training.updates import LocalUpdates

mx = engine.import_mxnet()

EPOCHS, BATCHES = 30, 58  # of Caltech-101, 128 pictures an update
BATCH_SIZE = 32
UPDATES = 3  # of the network; the first of a unit that begins at zero moves little
UPDATES_ALONE, WEIGHTS_ALONE = 20, 5000
SEED, WORKERS = 5, 2

Named = Mapping[str, np.ndarray]


def compare_rates() -> Iterator[Finding]:
    """Compare the learning rates of all updates of a training, for each recipe."""
    for name, recipe in RECIPES.items():
        schedule = LearningRate(recipe, STEP_FACTOR, EPOCHS, BATCHES)
        expected = np.array([schedule(update) for update in range(1, EPOCHS * BATCHES + 1)])
        off = np.abs(learning_rates(recipe, EPOCHS, BATCHES, 128) - expected).max()
        yield Finding(f"{name}: learning rates of all updates, largest", off, 1e-12)


def compare_updates(random: np.random.RandomState) -> Iterator[Finding]:
    """Make updates of random weights by random gradients, of which many are clipped, with a large weight decay."""
    rates = learning_rates(RECIPES["modern"], 1, UPDATES_ALONE, 128)
    optimizer = mx.optimizer.create("nag", momentum=0.9, wd=0.05, clip_gradient=1.0, rescale_grad=1 / 128)
    updater = mx.optimizer.get_updater(optimizer)
    first = random.standard_normal(WEIGHTS_ALONE).astype(np.float32)
    job, replica, momentum = mx.nd.array(first), torch.tensor(first), torch.zeros(WEIGHTS_ALONE)
    for rate in rates:
        gradient = random.standard_normal(WEIGHTS_ALONE).astype(np.float32)
        optimizer.lr = rate
        updater(0, mx.nd.array(128 * gradient), job)
        decays = ((slice(0, WEIGHTS_ALONE), torch.tensor(0.05)),)
        update_weights(replica, momentum, torch.tensor(gradient), torch.tensor(float(rate)), decays, 0.9, 1.0)
    off = float(np.linalg.norm(replica.numpy() - job.asnumpy()) / np.linalg.norm(job.asnumpy() - first))
    yield Finding(f"{UPDATES_ALONE} updates alone, share of how far the weights moved", off, 1e-5)


def compare_learning(dataset: Any, pictures: Pictures, text: str) -> Iterator[Finding]:
    """Teach both by the job's own batches, each update from the job's weights; the momentum is each one's own."""
    trial = parse_trial(text)
    recipe = trial.recipe._replace(lr=largest_rate(trial.recipe, BATCH_SIZE))
    preprocessing = Preprocessing.for_image_size(pictures.side)
    replica = Training(pictures, Kind.of(trial), Settings(num_epochs=1, batch_size=BATCH_SIZE))
    replica.reset(trial, SEED)
    symbol = get_symbol(pictures.num_classes, 18, pictures.side, recipe)
    module = _module_of(symbol, recipe, pictures, replica.batches)
    before = _arrays_of_job(module)
    yield from _compare_first_weights(text, replica, before)
    args = (recipe, pictures.num_classes, SEED, WORKERS)
    batches = TrainingBatches(dataset.train, len(dataset.train), BATCH_SIZE, preprocessing, *args).epoch(0)
    probabilities, moves, statistics = [], [], []
    for _, batch in zip(range(UPDATES), batches):
        _set(replica, before)
        x, targets, labels = (torch.tensor(of) for of in (batch.images, batch.targets, batch.labels))
        found = _probabilities_in_training(replica, x)
        replica.learn(x, targets, labels)
        module.forward_backward(to_mxnet(batch))
        LocalUpdates(module).step()
        after = _arrays_of_job(module)
        probabilities.append(np.abs(found - module.get_outputs()[0].asnumpy()).max())
        moves.append(_difference_of_moves(_weights_of(replica), after, before))
        statistics.append(_difference_of_moves(_statistics_of(replica), after, before))
        before = after
    yield Finding(f"{text}: probabilities in training, largest", max(probabilities), 1e-4)
    yield Finding(f"{text}: {UPDATES} updates, share of how far the weights moved", max(moves), 0.01)
    yield Finding(f"{text}: BatchNorm's statistics, share of how far they moved", max(statistics), 0.01)
    _set(replica, before)
    val = list(EvaluationBatches(dataset.val, BATCH_SIZE, preprocessing, WORKERS))
    expected = Evaluator(symbol, [mx.cpu()]).evaluate(module, val)[2]
    # the job's pictures: that the replica's own differ a little is a finding already
    replica.val_images = torch.tensor(np.concatenate([batch.images for batch in val])[: len(dataset.val)])
    with torch.no_grad():
        logits = replica.logits_of_validation(replica.weights, replica.weights, replica.statistics)
    off = np.abs(logits.softmax(1).numpy() - expected).max()
    yield Finding(f"{text}: probabilities of validation pictures, largest", off, 1e-4)


def _module_of(symbol: Any, recipe: Any, pictures: Pictures, batches: int) -> Any:
    """Bind the network with first weights and the optimizer of the job."""
    module = mx.mod.Module(symbol, data_names=["data"], label_names=["softmax_label"], context=[mx.cpu()])
    module.bind(
        data_shapes=[("data", (BATCH_SIZE, 3, pictures.side, pictures.side))],
        label_shapes=[("softmax_label", (BATCH_SIZE, pictures.num_classes))],
    )
    mx.random.seed(SEED)
    module.init_params(mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2))
    optimizer = {
        "learning_rate": recipe.lr,
        "momentum": recipe.momentum,
        "wd": recipe.weight_decay,
        "rescale_grad": 1.0 / BATCH_SIZE,
        "clip_gradient": recipe.clip_gradient,
        "lr_scheduler": LearningRate(recipe, STEP_FACTOR, 1, batches),
    }
    module.init_optimizer(kvstore=None, optimizer="nag", optimizer_params=optimizer)
    return module


def _compare_first_weights(text: str, replica: Training, job: Named) -> Iterator[Finding]:
    own = {**_weights_of(replica), **_statistics_of(replica)}
    if {name: array.shape for name, array in own.items()} != {name: array.shape for name, array in job.items()}:
        raise AssertionError(f"{text}: names or shapes of weights differ")
    drawn = {name for name in own if name.endswith("_weight")}
    constant = max(float(np.abs(own[name] - job[name]).max()) for name in own if name not in drawn)
    yield Finding(f"{text}: first values of all that is not drawn, largest", constant, 0)
    spread = max(abs(float(own[name].std() / job[name].std()) - 1) for name in drawn)
    yield Finding(f"{text}: standard deviation of a layer's first weights, largest share", spread, 0.1)


def _arrays_of_job(module: Any) -> dict[str, np.ndarray]:
    mx.nd.waitall()
    return {name: array.asnumpy() for params in module.get_params() for name, array in params.items()}


def _weights_of(replica: Training) -> dict[str, np.ndarray]:
    return {name: of.numpy().copy() for name, of in arrays_of(replica.weights, replica.layout.weights).items()}


def _statistics_of(replica: Training) -> dict[str, np.ndarray]:
    return {name: of.numpy().copy() for name, of in arrays_of(replica.statistics, replica.layout.statistics).items()}


def _set(replica: Training, values: Named) -> None:
    for flat, places in (
        (replica.weights, replica.layout.weights),
        (replica.statistics, replica.layout.statistics),
    ):
        for name, array in arrays_of(flat, places).items():
            array.copy_(torch.tensor(values[name]))


@torch.no_grad()
def _probabilities_in_training(replica: Training, x: torch.Tensor) -> np.ndarray:
    statistics = arrays_of(replica.statistics.clone(), replica.layout.statistics)
    weights = arrays_of(replica.weights, replica.layout.weights)
    return run_network(replica.layout, weights, statistics, x, True).softmax(1).numpy()


def _difference_of_moves(own: Named, after: Named, before: Named) -> float:
    """Return the norm of what `own` differs by, over the norm of what the job changed."""
    off = sum(float(np.square(own[name] - after[name], dtype=np.float64).sum()) for name in own)
    moved = sum(float(np.square(after[name] - before[name], dtype=np.float64).sum()) for name in own)
    return float(np.sqrt(off / moved))
