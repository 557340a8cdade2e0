"""Run on the parity engine (Python 3.6, MXNet 1.2.1): load a model folder with the real mms and predict.

    predict_with_mms.py MODEL_DIR PICTURE...

Prints one JSON object: the base class's module file, an answer for each picture, and the answers to all at once.
"""

import importlib
import json
import sys


def main():
    model_dir, pictures = sys.argv[1], sys.argv[2:]
    sys.path.insert(0, model_dir)
    service_class = importlib.import_module("customize_service").CaltechService
    service = service_class(
        "pred_model",
        model_dir,
        {
            "Model": {
                "Signature": {"inputs": []},
                "Symbol": "pred_model-symbol.json",
                "Parameters": "pred_model-0000.params",
            }
        },
    )
    requests = []
    for picture in pictures:
        with open(picture, "rb") as stream:
            requests.append([stream.read()])
    answers = [service.inference(request) for request in requests]
    together = service.inference_many(requests)
    print(json.dumps({"mms": sys.modules["mms"].__file__, "answers": answers, "together": together}))


if __name__ == "__main__":
    main()
