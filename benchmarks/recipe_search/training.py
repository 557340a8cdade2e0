"""One training on the GPU: its buffers, its step and its evaluation, none of which waits for the CPU.

All chance lies in tables on the GPU before the first step; a step looks up its row by a counter that is there too. So
step and evaluation can be recorded as CUDA graphs, and one Training serves all trials of its kind one after the other.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.recipe_search import chance, schedule
from benchmarks.recipe_search.layout import Layout
from benchmarks.recipe_search.network import arrays_of, run_network
from benchmarks.recipe_search.pictures import Pictures
from benchmarks.recipe_search.trials import Settings, Trial
from benchmarks.recipe_search.update import update_weights

MEASURES = ("top1", "top5", "cross_entropy", "macro_recall")
SMALLEST_PROBABILITY = 1e-12  # as MXNet's metric of cross-entropy, so that its logarithm is a number
FEATURES = 512  # inputs of the last layer
VALIDATION_BATCHES = 4  # of a training, that are measured together
FIRST_WEIGHTS, ORDER, PARTNERS, CHANGES, DROPOUT = 1, 2, 3, 4, 5  # sources of chance


class Kind(NamedTuple):
    """What is fixed in the graphs of a training; all else that a trial says are numbers in its tables."""

    form: str
    mixes: bool
    erases: bool
    drops: bool
    averages: bool
    momentum: float
    clip_gradient: float

    @classmethod
    def of(cls, trial: Trial) -> Kind:
        """Return the kind of a trial."""
        recipe, extras = trial.recipe, trial.extras
        return cls(
            recipe.form,
            recipe.mixup > 0 or recipe.cutmix > 0,
            extras.erasing > 0,
            extras.dropout > 0,
            extras.ema > 0,
            recipe.momentum,
            recipe.clip_gradient,
        )


class Training:
    """Trains the trials of one kind, one after the other: `reset`, then as many steps and evaluations as are due."""

    def __init__(self, pictures: Pictures, kind: Kind, settings: Settings) -> None:
        self.pictures, self.kind, self.settings = pictures, kind, settings
        self.dtype = getattr(torch, settings.dtype)
        self.layout = layout = Layout(kind.form, settings.num_layers, pictures.num_classes)
        self.batches = -(-len(pictures.train) // settings.batch_size)
        self.steps = settings.num_epochs * self.batches
        self.weights, self.momentum, self.gradient = (self._zeros(layout.size) for _ in range(3))
        self.statistics = self._zeros(layout.statistics_size)
        self._gradients = arrays_of(self.gradient, layout.weights)
        self._statistics = arrays_of(self.statistics, layout.statistics)
        self._rounded = self._rounded_copy_of(self.weights)
        self._leaves = self._arrays_to_compute_with(self.weights, self._rounded)
        if kind.averages:
            self._average, self._average_statistics = self._zeros(layout.size), self._zeros(layout.statistics_size)
            self._average_rounded = self._rounded_copy_of(self._average)
        self.step, self.epoch = (self._zeros(1, dtype=torch.int64) for _ in range(2))
        batch = (self.steps, settings.batch_size)
        self._numbers, self._partners = (self._zeros(*batch, dtype=torch.int64) for _ in range(2))
        self._changes = self._zeros(*batch, sum(chance.COLUMNS.values()))
        self._updates = self._zeros(self.steps, len(schedule.COLUMNS))
        self._kept = self._zeros(*batch, FEATURES, dtype=torch.bool) if kind.drops else None
        self._decay, self._gamma_decay, self._smoothing, self._kept_scale = (self._zeros(()) for _ in range(4))
        self._class_weights = self._zeros(pictures.num_classes)
        self._train_sums = self._zeros(settings.num_epochs, 2)
        # of the weights themselves, and of their mean
        self._measured = self._zeros(settings.num_epochs, 2, len(MEASURES))
        self.val_images = pictures.val_images.to(self.dtype).contiguous(memory_format=torch.channels_last)
        counts = torch.bincount(pictures.val_labels, minlength=pictures.num_classes).float()
        self._recall_weights = (1 / counts / (counts > 0).sum())[pictures.val_labels]

    def _zeros(self, *shape: Any, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.zeros(*shape, dtype=dtype, device=self.pictures.device)

    def _rounded_copy_of(self, weights: torch.Tensor) -> torch.Tensor:
        return weights if self.dtype == torch.float32 else torch.zeros_like(weights, dtype=self.dtype)

    def _arrays_to_compute_with(self, exact: torch.Tensor, rounded: torch.Tensor) -> dict[str, torch.Tensor]:
        """Weights in the type that is computed in; gammas and betas stay float32, as in the job's float16."""
        found = arrays_of(rounded, self.layout.weights)
        of_exact = arrays_of(exact, self.layout.weights)
        found.update({name: of_exact[name] for name in found if name.endswith(("gamma", "beta"))})
        return {name: array.detach().requires_grad_() for name, array in found.items()}

    @torch.no_grad()
    def reset(self, trial: Trial, seed: int) -> None:
        """Draw first weights and all chance of a trial, and begin at its first step."""
        pictures, settings, recipe, extras = self.pictures, self.settings, trial.recipe, trial.extras

        def source(purpose: int) -> chance.Source:
            return chance.Source(pictures.device, seed, purpose)

        for buffer in (self.momentum, self.gradient, self._train_sums, self._measured, self.step, self.epoch):
            buffer.zero_()
        self._draw_first_weights(source(FIRST_WEIGHTS), recipe.zero_init)
        order = chance.draw_order(
            len(pictures.train), settings.num_epochs, self.batches, settings.batch_size, source(ORDER)
        )
        self._numbers.copy_(pictures.train[order])
        self._partners.copy_(source(PARTNERS).uniform(self.steps, settings.batch_size).argsort(1))
        changes = chance.draw_changes(pictures, self._numbers.view(-1), recipe, extras.erasing, source(CHANGES))
        self._changes.copy_(changes.view(self._changes.shape))
        rates = schedule.learning_rates(recipe, settings.num_epochs, self.batches, settings.batch_size)
        updates = schedule.draw_updates(recipe, extras, rates, pictures.side, seed)
        self._updates.copy_(torch.tensor(updates, dtype=torch.float32))
        if self._kept is not None:
            dropping = source(DROPOUT)
            for kept in self._kept.view(settings.num_epochs, -1):
                kept.copy_(dropping.uniform(*kept.shape) >= extras.dropout)
        self._kept_scale.fill_(1 / (1 - extras.dropout))
        self._decay.fill_(recipe.weight_decay)
        self._gamma_decay.fill_(recipe.weight_decay if recipe.decay_batch_norm else 0.0)
        self._smoothing.fill_(recipe.label_smoothing)
        counts = torch.bincount(pictures.labels[pictures.train], minlength=pictures.num_classes).float()
        weights = counts.clamp(min=1) ** -extras.class_weights
        self._class_weights.copy_(weights / (weights * counts).sum() * counts.sum())  # 1 on the average of the pictures

    def _draw_first_weights(self, source: chance.Source, zero_init: int) -> None:
        self.weights.zero_()
        for name, array in arrays_of(self.weights, self.layout.weights).items():
            if name.endswith("_weight"):  # MXNet's Xavier(gaussian, in, 2)
                array.normal_(0, math.sqrt(2 / math.prod(array.shape[1:])), generator=source.generator)
            elif name.endswith("gamma"):
                is_last_of_unit = name.startswith("stage") and name.endswith("conv2_bn_gamma")
                array.fill_(0.0 if zero_init and is_last_of_unit else 1.0)
        self.statistics.zero_()
        for name, array in self._statistics.items():
            if name.endswith("var"):
                array.fill_(1)
        if self.kind.averages:
            self._average.copy_(self.weights)
            self._average_statistics.copy_(self.statistics)

    def train_step(self) -> None:
        """Draw the next batch and learn from it."""
        self.learn(*self.draw_batch())

    @torch.no_grad()
    def draw_batch(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return pictures float32 (B, 3, S, S), targets (B, classes) that sum to the pictures' weights, and labels."""
        pictures = self.pictures
        numbers = self._numbers.index_select(0, self.step)[0]
        changes = self._changes.index_select(0, self.step)[0].split(list(chance.COLUMNS.values()), 1)
        change = dict(zip(chance.COLUMNS, changes))
        x = pictures.resample(numbers, change["x"], change["y"])
        shape = x.shape
        mean = x.mean((2, 3))[:, :, None]
        offset = torch.baddbmm(change["offset"][:, :, None], change["of_mean"].reshape(-1, 3, 3), mean)
        x = torch.baddbmm(offset, change["colours"].reshape(-1, 3, 3), x.reshape(len(x), 3, -1)).view(shape)
        ticks = pictures.ticks[: pictures.side]
        if self.kind.erases:
            left, right, top, bottom = change["erased"].split(1, 1)
            rows, columns = (ticks >= top) & (ticks < bottom), (ticks >= left) & (ticks < right)
            x = x.masked_fill(rows[:, None, :, None] & columns[:, None, None, :], 0.0)
        labels = pictures.labels.index_select(0, numbers)
        classes = torch.arange(pictures.num_classes, device=pictures.device)
        targets = (classes == labels[:, None]).float() * (1 - self._smoothing) + self._smoothing / len(classes)
        targets = targets * self._class_weights.index_select(0, labels)[:, None]
        if self.kind.mixes:
            update = dict(zip(schedule.COLUMNS, self._updates.index_select(0, self.step)[0].unbind()))
            partners = self._partners.index_select(0, self.step)[0]
            rows, columns = (
                (ticks >= update[start]) & (ticks < update[end])
                for start, end in (("top", "bottom"), ("left", "right"))
            )
            others = x.index_select(0, partners)
            blended = update["share"] * x + (1 - update["share"]) * others
            x = torch.where(rows[:, None] & columns, others, blended)
            share = update["target_share"]
            targets = share * targets + (1 - share) * targets.index_select(0, partners)
        return x, targets, labels

    def learn(self, x: torch.Tensor, targets: torch.Tensor, labels: torch.Tensor) -> None:
        """Make one update with a batch, whose learning rate is the present step's, and go on to the next step."""
        with torch.no_grad():
            if self._rounded is not self.weights:
                self._rounded.copy_(self.weights)
            x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
            kept = None
            if self._kept is not None:
                kept = (self._kept.index_select(0, self.step)[0] * self._kept_scale).to(self.dtype)
        logits = run_network(self.layout, self._leaves, self._statistics, x, True, kept)
        losses = -(targets * F.log_softmax(logits, 1)).sum(1)
        names = list(self._leaves)
        gradients = torch.autograd.grad(losses.mean(), [self._leaves[name] for name in names])
        with torch.no_grad():
            torch._foreach_copy_([self._gradients[name] for name in names], list(gradients))
            self.update()
            sums = torch.stack(((logits.argmax(1) == labels).float().sum(), losses.sum()))[None]
            self._train_sums.index_add_(0, torch.div(self.step, self.batches, rounding_mode="floor"), sums)
            self.step.add_(1)

    @torch.no_grad()
    def update(self) -> None:
        """Change the weights by their gradient, and move their mean."""
        row = self._updates.index_select(0, self.step)[0]
        weights, gammas = slice(0, self.layout.weights_end), slice(self.layout.weights_end, self.layout.gammas_end)
        decays = ((weights, self._decay), (gammas, self._gamma_decay))
        kind = self.kind
        update_weights(self.weights, self.momentum, self.gradient, row[0], decays, kind.momentum, kind.clip_gradient)
        if kind.averages:
            self._average.lerp_(self.weights, row[-1])
            self._average_statistics.lerp_(self.statistics, row[-1])

    @torch.no_grad()
    def evaluate(self) -> None:
        """Measure the network on the validation pictures, at the end of an epoch."""
        own = self._measure(self.weights, self._rounded, self.statistics)
        of_mean = own
        if self.kind.averages:
            of_mean = self._measure(self._average, self._average_rounded, self._average_statistics)
        self._measured.index_copy_(0, self.epoch, torch.stack((own, of_mean))[None])
        self.epoch.add_(1)

    def _measure(self, weights: torch.Tensor, rounded: torch.Tensor, statistics: torch.Tensor) -> torch.Tensor:
        labels = self.pictures.val_labels
        p = self.logits_of_validation(weights, rounded, statistics).softmax(1)
        of_label = p.gather(1, labels[:, None])
        is_right = (p.argmax(1) == labels).float()
        is_among_five = ((p > of_label).sum(1) < 5).float()
        cross_entropy = -(of_label.double() + SMALLEST_PROBABILITY).log().mean().float()
        recall = (is_right * self._recall_weights).sum()
        return torch.stack((is_right.mean(), is_among_five.mean(), cross_entropy, recall))

    def logits_of_validation(
        self, weights: torch.Tensor, rounded: torch.Tensor, statistics: torch.Tensor
    ) -> torch.Tensor:
        """Return what the network of these weights says to the validation pictures: (V, classes)."""
        if rounded is not weights:
            rounded.copy_(weights)
        arrays = self._arrays_to_compute_with(weights, rounded)
        moving = arrays_of(statistics, self.layout.statistics)
        parts = self.val_images.split(VALIDATION_BATCHES * self.settings.batch_size)
        return torch.cat([run_network(self.layout, arrays, moving, images, False) for images in parts])

    def results(self) -> dict[str, Any]:
        """Wait for the GPU and return what was measured, epoch by epoch; of the mean weights where there are any."""
        measured = self._measured.cpu().numpy().astype(np.float64)
        train = self._train_sums.cpu().numpy().astype(np.float64) / (self.batches * self.settings.batch_size)
        found = {f"val_{name}": _rounded(measured[:, 1, column]) for column, name in enumerate(MEASURES)}
        if self.kind.averages:
            found["val_top1_of_last_weights"] = _rounded(measured[:, 0, 0])
        return {**found, "train_top1": _rounded(train[:, 0]), "train_loss": _rounded(train[:, 1])}


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 5) for value in values]
