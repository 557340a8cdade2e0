"""`submit` from a folder to a prediction, against a stub of the platform that checks signatures and bodies."""

from __future__ import annotations

import json
from typing import Any

from tests.submissions import Bundle, keys_in


def test_a_bundle_is_uploaded_trained_imported_deployed_asked_and_stopped(bundle: Bundle, s3_client: Any) -> None:
    done = bundle.submit("--param=num_epochs=8")
    assert done.code == 0, done.out + done.err
    print(done.out, done.err)
