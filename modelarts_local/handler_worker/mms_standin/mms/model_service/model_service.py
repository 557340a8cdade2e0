"""What every model service is, whatever its framework."""

import importlib.util
import os
import sys


class ModelService:
    """A loaded model that answers requests."""

    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self.ctx = None

    def inference(self, data):
        """Answer one request; `data` holds the raw bytes of each input, in the signature's order."""
        raise NotImplementedError(f"{type(self).__name__} has no inference().")

    def ping(self):
        """Tell that the service is alive."""
        raise NotImplementedError(f"{type(self).__name__} has no ping().")

    @property
    def signature(self):
        """Names and shapes of the inputs and outputs."""
        raise NotImplementedError(f"{type(self).__name__} has no signature.")


class SingleNodeService(ModelService):
    """A service of one model: preprocess, infer, postprocess."""

    def inference(self, data):
        """Pass `data` through the three steps and return what the last one returns."""
        return self._postprocess(self._inference(self._preprocess(data)))

    def _preprocess(self, data):
        return data

    def _inference(self, data):
        return data

    def _postprocess(self, data):
        return data


def load_service(path, name=None):
    """Run the Python file `path` as a module and return it.

    name: the module's name; the file's own without it.

    Whatever the file raises while it is run reaches the caller unchanged.
    """
    module_name = name or os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    # pickle and dataclasses look a class's module up by name
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module
