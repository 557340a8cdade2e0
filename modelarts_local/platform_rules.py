"""Limits and answers of the platform that the stand-in keeps, each with where it is known from."""

from __future__ import annotations

MAX_BODY_BYTES = 12 * 1024 * 1024  # APIG.0201 above this: ModelArts error codes of the API gateway
REQUEST_LIMIT_S = 40.0  # user guide, "specifications for writing model inference code"; 60 s until 2020
INPUT_NAME = "images"  # the form's field, the signature's input and the key in config.json are one name

# Error codes: APIG.* come from the gateway, ModelArts.* from the dispatcher, MR.* from the handler.
CODE_UNKNOWN_URL = "APIG.0101"
CODE_BODY_TOO_LARGE = "APIG.0201"
CODE_METHOD_NOT_ALLOWED = "Method Not Allowed"  # the gateway's words; no number is documented
CODE_INVALID_BODY = "ModelArts.4104"
CODE_TOO_MANY_REQUESTS = "ModelArts.4206"
CODE_ANSWERED_TOO_LATE = "ModelArts.4503"
CODE_HANDLER_FAILED = "MR.0105"

# What a client of the platform sees when customize_service.py raises; "erno" is spelt so there.
HANDLER_FAILED_BODY = {"erno": CODE_HANDLER_FAILED, "msg": "Recognition failed", "words_result": {}}
