"""Run on the parity engine: serve a model folder with the real mxnet-model-server 0.4 over HTTP.

    serve_with_mms.py MODEL_DIR PORT

The folder itself gets no additional files: a copy of it in a temporary folder gets the signature that ModelArts's own
wrapper of that server makes from the deployment form.
"""

import json
import os
import shutil
import sys
import tempfile

from flask import Request
from mms.mxnet_model_server import MMS


class RequestOfIts2018(Request):
    """The server takes dict(request.files) to hold lists, as it did before Python 3.6.7 (bpo-34320)."""

    @property
    def files(self):
        self._load_form_data()
        return {name: [upload] for name, upload in self.__dict__["files"].items()}


class Arguments:
    """What the server's own command line would hold."""

    models = {"caltech": None}
    service = gen_api = gpu = log_file = log_level = log_rotation_time = metrics_write_to = None
    host = "127.0.0.1"

    def __init__(self, port, log_file):
        self.port = port
        self.log_file = log_file
        self.metrics_write_to = "log"


def main():
    model_dir, port = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        served = os.path.join(folder, "model")
        shutil.copytree(model_dir, served)
        with open(os.path.join(served, "signature.json"), "w") as stream:
            json.dump({"input_type": "image/jpeg", "output_type": "application/json"}, stream)
        manifest = {
            "Model": {
                "Service": "customize_service.py",
                "Signature": "signature.json",
                "Symbol": "pred_model-symbol.json",
                "Parameters": "pred_model-0000.params",
            }
        }
        models = [("caltech", "pred_model", served, manifest)]
        server = MMS(args=Arguments(port, os.path.join(folder, "mms.log")), models=models)
        server.serving_frontend.handler.app.request_class = RequestOfIts2018
        server.start_model_serving()


if __name__ == "__main__":
    main()
