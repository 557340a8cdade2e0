"""Local files: written under another name and renamed when complete; told apart by their SHA-256."""
import contextlib
import hashlib
import io
import json
import os

BLOCK_BYTES = 1 << 20


@contextlib.contextmanager
def replacing(path):
    """Yield a name to write to; it becomes `path` when the block ends well and is removed when it does not."""
    part = path + '.part'
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        if os.path.exists(part):
            os.remove(part)
        raise


def write_json(content, path):
    """Write `content` as indented JSON in UTF-8, keys in the order given."""
    write_text(json.dumps(content, indent=4, ensure_ascii=False) + '\n', path)


def write_text(text, path):
    """Write text in UTF-8."""
    with replacing(path) as part:
        with io.open(part, 'w', encoding='utf-8') as stream:
            stream.write(text)


def read_json(path):
    """Return the content of a JSON file in UTF-8. Raises OSError, or ValueError for what is not JSON."""
    with io.open(path, encoding='utf-8') as stream:
        return json.load(stream)


def sha256_of(path):
    """Return the SHA-256 of a file as lower-case hex."""
    digest = hashlib.sha256()
    with open(path, 'rb') as stream:
        for block in iter(lambda: stream.read(BLOCK_BYTES), b''):
            digest.update(block)
    return digest.hexdigest()
