"""A small training as one of several workers, alone, or on two devices; what came of it is printed as JSON.

python small_training.py dist_sync|dist_async|device
"""

import argparse
import hashlib
import json
import logging
import os
import sys

import numpy as np

from mxnet_support import engine

from errors import WorkersLost
from training import cluster

BATCH, INPUTS, CLASSES, STEPS = 7, 4, 3, 4
MESSAGE = bytes(bytearray(range(256))) * 1200  # more than one chunk


def network(mx, name):
    """Build the layers, whose names begin with `name`.

    Without BatchNorm's batch statistics, which each worker has of its own, but with its moving ones.
    """
    x = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=5, name=name + "0")
    x = mx.sym.Activation(mx.sym.BatchNorm(x, use_global_stats=True, name=name + "n"), act_type="tanh")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=CLASSES, name=name + "1"), name="softmax")


def train(team, kv_store, steps=STEPS, num_devices=1, compression="none", name="plain", fails=False):
    """Train on this worker's part of the same batches; returns weights, statistics, {name: list}, and losses."""
    mx = engine.import_mxnet()
    from training.devices import shares
    from training.updates import begin_updates

    options = argparse.Namespace(kv_store=kv_store, gradient_compression=compression, compression_threshold=0.25)
    own = team.part(BATCH)
    count = own.stop - own.start
    module = mx.mod.Module(
        network(mx, name),
        label_names=["softmax_label"],
        context=[mx.cpu(i) for i in range(num_devices)],
        work_load_list=shares(count, num_devices),
    )
    module.bind([("data", (count, INPUTS))], [("softmax_label", (count,))])
    mx.random.seed(team.rank)  # worker 0's weights must win
    module.init_params(mx.init.Uniform(0.5))
    rates = {"learning_rate": 0.3, "momentum": 0.9, "wd": 0.01 / (team.size if team.is_async else 1)}
    module.init_optimizer(kvstore=None, optimizer="nag", optimizer_params=dict(rates, rescale_grad=1.0 / BATCH))
    updates = begin_updates(module, team, options)
    random, losses = np.random.RandomState(0), []
    with updates.telling():
        for step in range(steps):
            if fails and team.rank == 1 and step == 2:
                raise ValueError("no such picture")
            images = random.standard_normal((BATCH, INPUTS)).astype(np.float32)
            labels = (images[:, 0] > 0).astype(np.float32)
            module.forward_backward(
                mx.io.DataBatch(data=[mx.nd.array(images[own])], label=[mx.nd.array(labels[own])], pad=0)
            )
            probabilities = module.get_outputs()[0].asnumpy()
            losses.append(float(-np.log(probabilities[np.arange(count), labels[own].astype(int)]).sum()))
            updates.step()
    updates.settle()
    weights, statistics = ({n: a.asnumpy().ravel().tolist() for n, a in p.items()} for p in module.get_params())
    return weights, statistics, losses


def agree(team):
    """Say what the workers can tell each other."""
    told = {"sum": team.sum([team.rank + 1.0, 10.0, 2.0**23]).tolist()}
    told["shared"] = hashlib.sha256(team.share(MESSAGE if team.is_first else b"")).hexdigest()
    for name, facts in (("same", {"lr": 0.1}), ("different", {"lr": 0.1, "seed": team.rank})):
        try:
            told[name] = team.refuse_differences(facts)
        except Exception as error:
            told[name] = str(error)
    return told


def work(team, kv_store):
    """Do all that workers do together; returns what JSON can hold."""
    result = dict(agree(team), rank=team.rank)
    result["weights"], result["statistics"], result["losses"] = train(team, kv_store, 1 if team.is_async else STEPS)
    if not team.is_async:
        try:
            train(team, kv_store, name="failing", fails=True)
        except Exception as error:
            result["failure"] = str(error)
        result["compressed"] = train(team, kv_store, compression="2bit", name="packed")[0]
    result["sum at last"] = team.sum([team.rank + 0.625, -3.0, team.rank * float("nan")]).tolist()
    return result


def main(kv_store):
    """Run as one of two workers, of which with dist_async one dies at last; returns the exit code."""
    logging.basicConfig(format="%(levelname)s %(message)s")
    try:
        with cluster.join(kv_store, timeout_s=60) as team:
            print(json.dumps(work(team, kv_store)))
            sys.stdout.flush()
            if team.is_async:
                if team.rank == 1:
                    os._exit(3)
                team.timeout_s = 1
                team.barrier()
    except WorkersLost as error:
        print(error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    cluster.end_process(main(sys.argv[1]))
