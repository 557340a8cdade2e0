"""Train a network on the data of --data_url and leave model/ in --train_url."""
import argparse
import logging
import os

from moxing.frame import file as mox_file
import mxnet as mx


def main():
    logging.basicConfig(level=logging.INFO)
    parser = argparse.ArgumentParser()
    parser.add_argument('--data_url')
    parser.add_argument('--train_url')
    parser.add_argument('--num_gpus', type=int, default=1)
    args, unknown = parser.parse_known_args()
    mox_file.copy_parallel(args.data_url, '/cache/data')
    train('/cache/data', '/cache/output', mx.gpu() if args.num_gpus else mx.cpu())
    mox_file.copy_parallel('/cache/output', os.path.join(args.train_url, 'model'))


def train(data, output, device):
    batches = mx.io.ImageRecordIter(path_imgrec=os.path.join(data, 'train.rec'), data_shape=(3, 64, 64), batch_size=8)
    network = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.Variable('data'), num_hidden=5), name='softmax')
    module = mx.mod.Module(network, context=device)
    module.fit(batches, num_epoch=1)
    module.save_checkpoint(os.path.join(output, 'pred_model'), 0)


if __name__ == '__main__':
    main()
