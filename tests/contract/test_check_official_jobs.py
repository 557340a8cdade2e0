"""Jobs in the shape of the platform's own samples pass: they work there, and a warning says where else they do not."""

from __future__ import annotations

from pathlib import Path

from modelarts_local.check.findings import WARNING
from modelarts_local.check.job.checking import check_job
from modelarts_local.check.job.submission import Submission

# The habits of the sample that trains on Caltech-101 (contract 1.7): a library and a package found by the code
# folder's name, a package without __init__.py, MXNet reading from and writing to URLs, an export by moxing at the end
CALTECH = """\
import ctypes

ctypes.cdll.LoadLibrary('./codes/libaugment.so')
import argparse
import logging
import os

import mxnet as mx

logging.basicConfig(level=logging.DEBUG)


def read(args, name, kv):
    return mx.io.ImageRecordIter(
        path_imgrec=os.path.join(args.data_url, name), data_name='data', label_name='softmax_label',
        data_shape=(3, 224, 224), batch_size=args.batch_size, num_parts=kv.num_workers, part_index=kv.rank)


def schedule(args):
    steps = [int(step) * args.num_examples / args.batch_size for step in args.lr_step.split(',')]
    return mx.lr_scheduler.MultiFactorScheduler(step=steps, factor=args.lr_factor)


def fit(args):
    kv = mx.kvstore.create(args.kv_store)
    devices = mx.cpu() if args.num_gpus == 0 else [mx.gpu(number) for number in range(args.num_gpus)]
    from codes.symbol.resnet import get_symbol
    module = mx.mod.Module(get_symbol(args.num_classes), context=devices)
    prefix = args.train_url if kv.rank == 0 else '%s-%d' % (args.train_url, kv.rank)
    module.fit(read(args, 'Caltech101_train.rec', kv), eval_data=read(args, 'Caltech101_val.rec', kv),
               num_epoch=args.num_epochs, optimizer_params={'lr_scheduler': schedule(args)},
               batch_end_callback=mx.callback.Speedometer(args.batch_size, args.disp_batches),
               epoch_end_callback=mx.callback.do_checkpoint(prefix))
    if args.export_model == 1 and args.train_url is not None and len(args.train_url):
        import moxing.mxnet as mox
        folder = os.path.join(args.train_url, 'model')
        mox.file.make_dirs(folder)
        mox.file.copy('%s-%04d.params' % (prefix, args.num_epochs), os.path.join(folder, 'pred_model-0000.params'))
        mox.file.copy(prefix + '-symbol.json', os.path.join(folder, 'pred_model-symbol.json'))
        for epoch in range(1, args.num_epochs + 1):
            mox.file.remove('%s-%04d.params' % (prefix, epoch))


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description='train', formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--data_url', type=str, default=None, help='where the data lies')
    parser.add_argument('--train_url', type=str, default=None, help='where the output goes')
    for name, default in (('num_classes', 102), ('num_examples', 7316), ('num_epochs', 30), ('disp_batches', 20),
                          ('batch_size', 128), ('num_gpus', 1), ('export_model', 1)):
        parser.add_argument('--' + name, type=int, default=default)
    parser.add_argument('--lr_step', type=str, default='16, 24, 27')
    parser.add_argument('--lr_factor', type=float, default=0.1)
    parser.add_argument('--kv_store', type=str, default='device')
    args, unknown = parser.parse_known_args()
    fit(args)
"""
RESNET = """\
import mxnet as mx


def get_symbol(num_classes):
    body = mx.sym.FullyConnected(mx.sym.Variable('data'), num_hidden=num_classes)
    return mx.sym.SoftmaxOutput(body, name='softmax')
"""

# The habits of the sample for handwritten digits, with its joins mended: moxing where it is there, files elsewhere
DIGITS = """\
import argparse
import logging
import os

import mxnet as mx


def iterator(args):
    images = os.path.join(args.data_url, 'train-images-idx3-ubyte')
    try:
        import moxing.mxnet as mox
    except:
        assert os.path.exists(images), 'there is no file of images'
    else:
        assert mox.file.exists(images), 'there is no file of images'
        mox.file.copy(images, '/cache/train-images')
        images = '/cache/train-images'
    return mx.io.MNISTIter(image=images, label=images, batch_size=args.batch_size)


def fit(args):
    logging.basicConfig(level=logging.DEBUG, format='%(asctime)-15s %(message)s')
    logging.info('start with arguments %s', args)
    network = mx.sym.SoftmaxOutput(mx.sym.Flatten(mx.sym.Variable('data')), name='softmax')
    module = mx.mod.Module(network, context=[mx.gpu(0)] if args.num_gpus else mx.cpu())
    module.fit(iterator(args), num_epoch=args.num_epochs)
    module.save_checkpoint('/cache/output/model/digits', 0)
    import moxing.mxnet as mox
    mox.file.copy_parallel('/cache/output', args.train_url)


parser = argparse.ArgumentParser(description='train mnist')
parser.add_argument('--data_url', type=str, required=True)
parser.add_argument('--train_url', type=str)
parser.add_argument('--num_gpus', type=int, default=0)
parser.add_argument('--num_epochs', type=int, default=10)
parser.add_argument('--batch_size', type=int, default=128)
args, unkown = parser.parse_known_args()
if __name__ == '__main__':
    fit(args)
"""


def check(folder: Path, **modules: str) -> list[str]:
    """Check a job of these modules in a folder codes/; return rule and line of each finding, none of them an error."""
    codes = folder / "codes"
    for name, text in modules.items():
        path = codes / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    findings = check_job(str(codes), "train.py", Submission(parameters=[("num_epochs", "10")]))
    assert {one.severity for one in findings} <= {WARNING}, [one.as_text() for one in findings]
    return [f"{one.rule} {one.line}" for one in findings]


def test_a_job_like_the_sample_for_caltech_has_warnings_only(tmp_path: Path) -> None:
    assert check(tmp_path, train=CALTECH, symbol__resnet=RESNET) == ["T12 3", "T13 14", "T12 27", "T13 33"]


def test_a_job_like_the_sample_for_digits_has_nothing_to_be_told(tmp_path: Path) -> None:
    assert check(tmp_path, train=DIGITS) == []
