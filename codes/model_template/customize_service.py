"""Image classification service for ModelArts: picture in, `predicted_label` and the five best `scores` out.

ModelArts copies this folder into its MXNet image and loads the one class below (runtime python3.6, MXNet 1.2.1). Labels
come from synset.txt, size and normalisation from preprocessing.json; both were written by the training job.
"""
import base64
import binascii
import concurrent.futures
import glob
import inspect
import io
import json
import logging
import os
import re
import warnings

import mxnet as mx
import numpy as np
from PIL import Image, ImageOps
from mms.model_service.mxnet_model_service import MXNetBaseService

log = logging.getLogger(__name__)

TOP_K = 5
# How many pictures the network takes at once, largest first. Measured for ResNet-34 on two cores: 4 bring an eighth
# more pictures a second than 1, and 8 no more than 4; each number holds the weights once more, as oneDNN wants them
BATCH_SIZES = (4, 1)
DECODERS = 2            # chosen: threads that prepare pictures of one batch; Pillow decodes outside Python's lock
# Chosen so that any camera's picture passes and none takes more than 500 MB; a JPEG that is decoded in one pass can be
# decoded at half its size, and the decoder of WebP holds a picture four times
MAX_PIXELS = 32 * 1000 * 1000
MAX_WEBP_PIXELS = 24 * 1000 * 1000
MAX_JPEG_PIXELS = 100 * 1000 * 1000
# Only these decoders meet a stranger's bytes; Pillow has others that start programs (EPS) or are hardly tested
FORMATS = ('JPEG', 'MPO', 'PNG', 'BMP', 'GIF', 'WEBP', 'TIFF')
Image.init()        # MPO has no decoder of its own, and a Pillow may lack that of WEBP
_DECODERS_ONLY = {'formats': [name for name in FORMATS if name in Image.OPEN]}
# Pillow before version 8 tries all that it has, and what another one opens is refused then
OPENING = _DECODERS_ONLY if 'formats' in inspect.signature(Image.open).parameters else {}
# Chosen: a photograph has some 20 pieces before its pixels, and Pillow reads each by 3 calls; millions of empty ones
# would keep it busy for minutes
MAX_READS = 10000
# Chosen: a progressive JPEG has some 10; each costs a pass over all pixels, and 20 bytes of a file are enough for one
MAX_JPEG_SCANS = 64
# Pillow warns of odd EXIF data, and of sizes that are checked here; for all threads, as a filter is a process's
warnings.filterwarnings('ignore', module=r'PIL\.')
INPUT_NAME = 'images'               # the multipart field; it must equal input_data_name of the deployment
EXIF_ORIENTATION = 0x0112            # its tag number in EXIF 2.3
_JPEG_MARKER = re.compile(b'\xff([\x01-\xcf\xd8-\xfe])')
LABEL_NAME = 'softmax_label'        # an input of the network that stays unused here
_NO_WEIGHTS = ('data', LABEL_NAME)
FILTERS = {'bilinear': Image.BILINEAR}


class BadImage(ValueError):
    """The request holds no readable picture; the message says what it holds instead."""

    http_status = 400


class _FileInPieces(io.BytesIO):
    """A picture file in memory that is read in a bounded number of pieces until its pixels begin."""

    reads_left = MAX_READS

    def read(self, size=-1):
        """Return the next bytes. Raises BadImage when too many were asked for."""
        if self.reads_left == 0:
            raise BadImage('the picture begins with too many pieces that are no pixels; save it anew')
        self.reads_left -= 1
        return super().read(size)


class CaltechService(MXNetBaseService):
    """The only class here that derives from MXNetBaseService: the engine looks for exactly one."""

    # The base class is not initialised: it insists on a signature file, while ModelArts hands the signature over as a
    # dict. The vendor's own samples leave it out as well.
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        """Load the model and bind it for one picture.

        model_dir: folder of this file. manifest: dict; manifest['Model'] may name Signature (a dict, a file name or
        nothing), Symbol and Parameters. gpu: number of a GPU, or None for the CPU.
        """
        self.model_name = model_name
        self.model_path = model_dir
        self.ctx = mx.cpu() if gpu is None else mx.gpu(int(gpu))
        model = (manifest or {}).get('Model', {})
        with open(os.path.join(model_dir, 'preprocessing.json')) as stream:
            self.preprocessing = json.load(stream)
        with io.open(os.path.join(model_dir, 'synset.txt'), encoding='utf-8') as stream:
            self.labels = [line.strip() for line in stream if line.strip()]
        self._signature = self._read_signature(model.get('Signature'))
        self.mx_model = self._load_module(self._find_prefix(model.get('Symbol')))
        self._modules = {1: self.mx_model}
        self._decoders = concurrent.futures.ThreadPoolExecutor(DECODERS)

    @property
    def signature(self):
        """The inputs and outputs as the engine wants to know them: dict with inputs, outputs and content types."""
        return self._signature

    def ping(self):
        """Tell the engine's health check that the model is loaded."""
        return None

    def inference_many(self, requests):
        """Answer several requests at once, which costs less than one after the other; the engine never asks for it.

        requests: list of what `inference` takes. Returns for each what `inference` returns, or the exception it raises.
        """
        prepared = list(self._decoders.map(self._prepare, requests))
        rows = self._probabilities([pixels for pixels in prepared if not isinstance(pixels, Exception)])
        return [pixels if isinstance(pixels, Exception) else self._name_best(next(rows)) for pixels in prepared]

    def _prepare(self, data):
        try:
            return prepare_image(read_image(find_picture(data)), self.preprocessing)
        except Exception as error:      # of this picture; the others of the batch have their answers
            return error

    def _probabilities(self, pictures):
        """Yield float32 (classes,) for each of the float32 (3, S, S)."""
        while pictures:
            size = next(size for size in BATCH_SIZES if size <= len(pictures))
            batch = mx.nd.array(np.stack(pictures[:size]), ctx=self.ctx)
            module = self._module_for(size)
            module.forward(mx.io.DataBatch(data=[batch]), is_train=False)
            for row in module.get_outputs()[0].asnumpy():
                yield row
            pictures = pictures[size:]

    def _module_for(self, size):
        if size not in self._modules:       # when it is first needed: the engine asks for one picture at a time
            self._modules[size] = self._bind(self.mx_model.symbol, size, shared_module=self.mx_model)
        return self._modules[size]

    def _bind(self, symbol, size, shared_module=None):
        side = self.preprocessing['image_size']
        labels = [name for name in symbol.list_arguments() if name == LABEL_NAME]
        module = mx.mod.Module(symbol, data_names=['data'], label_names=labels, context=self.ctx)
        module.bind(for_training=False, data_shapes=[('data', (size, 3, side, side))],
                    label_shapes=[(name, (size,)) for name in labels] or None, shared_module=shared_module)
        return module

    def _read_signature(self, signature):
        # ModelArts: a dict, made from the deployment's environment variables; open-source MMS: a file name
        if isinstance(signature, str):
            with open(os.path.join(self.model_path, signature)) as stream:
                signature = json.load(stream)
        signature = {} if signature is None else signature
        side = self.preprocessing['image_size']
        expected = [0, 3, side, side]
        if not signature.get('inputs'):
            signature['inputs'] = [{'data_name': INPUT_NAME, 'data_shape': expected}]
        shape = signature['inputs'][0].get('data_shape') or expected
        given = [int(edge) for edge in (shape.split(',') if isinstance(shape, str) else shape)]
        signature['inputs'][0]['data_shape'] = given
        if len(signature['inputs']) != 1 or given[1:] != expected[1:]:
            raise ValueError('input_data_shape is %s; this model takes one input of shape 0,3,%d,%d. Set it so in the '
                             'deployment, or leave it out.' % (','.join(map(str, given)), side, side))
        signature.setdefault('outputs', [{'data_name': 'softmax', 'data_shape': [0, len(self.labels)]}])
        signature.setdefault('input_type', 'image/jpeg')
        signature.setdefault('output_type', 'application/json')
        return signature

    def _find_prefix(self, symbol_name):
        suffix = '-symbol.json'
        names = [symbol_name] if symbol_name else \
            [os.path.basename(path) for path in glob.glob(os.path.join(self.model_path, '*' + suffix))]
        if len(names) != 1:
            raise ValueError('%s must hold exactly one *%s; found %s'
                             % (self.model_path, suffix, sorted(names) or 'none'))
        return os.path.join(self.model_path, names[0][:-len(suffix)])

    def _load_module(self, prefix):
        side = self.preprocessing['image_size']
        symbol, arg_params, aux_params = mx.model.load_checkpoint(prefix, 0)    # always -0000, the package's rule
        _, output_shapes, _ = symbol.infer_shape(data=(1, 3, side, side))
        if output_shapes[0][1] != len(self.labels):
            raise ValueError('the network has %d outputs and synset.txt %d labels; they must come from the same '
                             'training' % (output_shapes[0][1], len(self.labels)))
        missing = [name for name in symbol.list_arguments() if name not in arg_params and name not in _NO_WEIGHTS] \
            + [name for name in symbol.list_auxiliary_states() if name not in aux_params]
        if missing:
            raise ValueError('%s-0000.params lacks %d weights of the network: %s' % (prefix, len(missing), missing[:5]))
        module = self._bind(symbol, 1)
        module.set_params(arg_params, aux_params, allow_missing=True, allow_extra=True)    # "missing": the label
        return module

    def _preprocess(self, data):
        """Turn a request into the network's input.

        data: list with one picture, or the dict {field: {file name: file object}} of newer engines; a picture is bytes,
        a file object or base64 text. Returns a list with one NDArray (1, 3, S, S). Raises BadImage.
        """
        pixels = prepare_image(read_image(find_picture(data)), self.preprocessing)
        return [mx.nd.array(pixels[np.newaxis], ctx=self.ctx)]

    def _inference(self, data):
        """Run the network: list with one NDArray (1, 3, S, S) -> NDArray (1, classes) of probabilities."""
        self.mx_model.forward(mx.io.DataBatch(data=data), is_train=False)
        return self.mx_model.get_outputs()[0]

    def _postprocess(self, data):
        """Name the best classes.

        data: NDArray (1, classes). Returns {'predicted_label': str, 'scores': [[label, probability], ...]}, best first;
        equal probabilities keep the order of synset.txt.
        """
        return self._name_best(data.asnumpy()[0])

    def _name_best(self, probabilities):
        best = np.argsort(-probabilities, kind='mergesort')[:TOP_K]
        return {'predicted_label': self.labels[best[0]],
                'scores': [[self.labels[i], float(probabilities[i])] for i in best]}


def find_picture(data):
    """Return the bytes of the one picture in a request, whatever form the engine gave it. Raises BadImage."""
    while isinstance(data, (dict, list, tuple)):
        parts = list(data.values()) if isinstance(data, dict) else list(data)
        if len(parts) != 1:
            raise BadImage('send one picture a request, as field %r; this request holds %d'
                           % (INPUT_NAME, len(parts)))
        data = parts[0]
    if hasattr(data, 'read'):
        data = data.read()
    if isinstance(data, str):
        text = data.split(',', 1)[1] if data.startswith('data:') and ',' in data else data
        try:
            return base64.b64decode(''.join(text.split()), validate=True)     # the base64 command wraps its lines
        except (binascii.Error, ValueError):
            raise BadImage('field %r is text that is not base64; it starts with %r' % (INPUT_NAME, data[:16]))
    if isinstance(data, (bytes, bytearray)):
        return bytes(data)
    raise BadImage('field %r is a %s; send a picture file or its base64 text' % (INPUT_NAME, type(data).__name__))


def read_image(content):
    """Decode a picture file: upright by its EXIF orientation, transparency on white, mode RGB. Raises BadImage."""
    if not content:
        raise BadImage('the picture is empty (0 bytes)')
    image = _open_image(content)
    _check_size(image, content)
    try:
        return to_upright_rgb(image)
    except Exception as error:                  # damaged files make Pillow's decoders raise almost anything
        raise BadImage('the picture is damaged (%d bytes, starting with %r): %s'
                       % (len(content), content[:4], error))


def _open_image(content):
    pieces = _FileInPieces(content)
    try:
        image = Image.open(pieces, **OPENING)
    except BadImage:
        raise
    except Image.DecompressionBombError:
        raise BadImage('the picture has more pixels than the limit of %d million' % (MAX_JPEG_PIXELS // 1000000))
    except Exception:               # Pillow's own message only names the buffer's address
        image = None
    if image is None or image.format not in FORMATS:
        raise BadImage('this is not a picture in a known format (%d bytes, starting with %r); send one of %s'
                       % (len(content), content[:4], ', '.join(FORMATS)))
    pieces.reads_left = -1      # pixels may come in as many pieces as they like: each is read once
    return image


def _check_size(image, content):
    limit, form = (MAX_WEBP_PIXELS if image.format == 'WEBP' else MAX_PIXELS), image.format
    is_jpeg = image.format in ('JPEG', 'MPO')
    if is_jpeg:
        scans = scans_of(content)
        if len(scans) > MAX_JPEG_SCANS:
            raise BadImage('the picture has more than %d scans, which no camera and no program writes; save it anew'
                           % MAX_JPEG_SCANS)
        if scans[:1] == [image.layers] and not image.info.get('progressive'):
            limit = MAX_JPEG_PIXELS
        else:       # libjpeg keeps all coefficients until the last scan
            form = '%s in several scans' % image.format
    if image.width * image.height > limit:
        raise BadImage('the picture has %d x %d pixels; the limit for %s is %d million pixels'
                       % (image.width, image.height, form, limit // 1000000))
    if is_jpeg and image.width * image.height > MAX_PIXELS / 2:
        image.draft('RGB', (image.width // 2, image.height // 2))


def scans_of(content):
    """Return how many components each scan of a JPEG file's first picture has, of MAX_JPEG_SCANS + 1 scans at most."""
    scans, position = [], 2
    while len(scans) <= MAX_JPEG_SCANS:
        # within a scan, 0xFF stands before 0 or a restart marker; before another 0xFF it fills
        found = _JPEG_MARKER.search(content, position)
        if found is None or found.group(1) == b'\xd9' or found.end() + 2 >= len(content):
            break
        if found.group(1) == b'\xda':
            scans.append(content[found.end() + 2])
        position = found.end() + int.from_bytes(content[found.end():found.end() + 2], 'big')
    return scans


def to_upright_rgb(image):
    """Decode an opened PIL image as the training job does: upright, transparency on white, 16 bits to 8, mode RGB."""
    image.load()
    try:
        if image.getexif().get(EXIF_ORIENTATION, 1) != 1:       # without need it would copy the whole picture
            image = ImageOps.exif_transpose(image)
    except Exception as error:      # a picture is not refused for the damage of its EXIF block
        log.warning('the EXIF block of a picture was ignored: %s', error)
    if image.mode.startswith('I'):          # 16-bit grey: Pillow would clip it instead of scaling
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == 'LA':      # as grey, for Pillow keeps four bytes for a pixel of LA, RGBA and RGB alike
        image = _on_white(image.getchannel('L'), image.getchannel('A'))
    elif image.mode in ('RGBA', 'PA') or 'transparency' in image.info:
        image = image if image.mode == 'RGBA' else image.convert('RGBA')
        image = _on_white(image, image.getchannel('A'))
    return image if image.mode == 'RGB' else image.convert('RGB')


def _on_white(image, alpha):
    white = Image.new('L' if image.mode == 'L' else 'RGB', image.size, 'white')
    white.paste(image, mask=alpha)
    return white


def prepare_image(image, preprocessing):
    """Cut the square from the centre, scale it, normalise, exactly as the validation of the training job does.

    image: PIL image, mode RGB; preprocessing: content of preprocessing.json. Returns a float32 array (3, S, S).
    """
    width, height = image.size
    side = preprocessing['image_size']
    cut = min(width, height) * float(side) / preprocessing['resize_short']
    left, top = (width - cut) // 2, (height - cut) // 2
    image = image.resize((side, side), FILTERS[preprocessing['filter']], box=(left, top, left + cut, top + cut))
    normal = (np.asarray(image, dtype=np.float32) - np.array(preprocessing['mean_rgb'], dtype=np.float32)) \
        / np.array(preprocessing['std_rgb'], dtype=np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1))
