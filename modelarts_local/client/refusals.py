"""What to check when a service refuses a picture, by the platform's error code or the HTTP status (contract 4.3)."""

from __future__ import annotations

from typing import Any

# What is true of one picture is then true of all
ENDS_ALL = frozenset({401, 403, 404, 405})

ANY = "any"  # a proof that is not known

# What to check of each proof, where the gateway takes it for an IAM user's, and where for an app's
_NO_PROOF = "Nothing was sent to prove who asks: give --token, --app-code, or --ak and --sk"
_IAM = {
    "token": "Check the token: it is good for one project and region, and lives for 24 hours",
    "appcode": "Check the AppCode; a service may take --token or --ak and --sk only",
    "aksk": "Check both keys, --ak and --sk",
    "none": _NO_PROOF,
    ANY: "Check what proves who asks",
}
_APP = {
    **_IAM,
    "appcode": "Check the AppCode",
    "aksk": f"{_IAM['aksk']}, and this computer's clock: it may be 15 minutes off",
}
_SERVICE_LOG = "Look into the service's log"

_BY_CODE = {
    "APIG.0101": "Check --url: the gateway knows no such API; copy the address from the service's usage guide.",
    "ModelArts.0206": "Check --ak and --sk: the keys are wrong.",
    "ModelArts.4104": "Check that the picture is sent as the field that config.json names and is below 12 MB.",
    "ModelArts.4205": f"The connection to the service timed out. {_SERVICE_LOG} and at its state.",
    "ModelArts.4206": "The service takes fewer requests at a time: lower --connections, or raise --retries.",
    "ModelArts.4302": f"The gateway does not reach the service: it is stopped, or it refuses. {_SERVICE_LOG}.",
    "ModelArts.4503": f"The service is not there or answered too late: {_SERVICE_LOG.lower()} and at its load.",
    "MR.0105": f"customize_service.py failed on it: {_SERVICE_LOG.lower()} for the traceback.",
}
_BY_STATUS = {
    404: "Check --url: there is no service at this path.",
    405: "Check --url: this path takes no POST, so it is not that of a service.",
    413: "Send a smaller picture; the platform takes 12 MB.",
    429: "The service takes fewer requests at a time: lower --connections, or raise --retries.",
    502: f"The gateway got no answer from the service. {_SERVICE_LOG}.",
    503: "The service is starting, or has too much to do: try later, or lower --connections.",
    504: f"The service took too long: {_SERVICE_LOG.lower()} and at its load.",
}


def code_of(answer: Any) -> str:
    """Return the platform's error code in an answer, empty when there is none."""
    if not isinstance(answer, dict):
        return ""
    code = answer.get("error_code") or answer.get("erno") or ""
    # the gateway's older name for itself
    return str(code).replace("APIGW.", "APIG.")


def advice_on(status: int | None, code: str, proof: str = ANY) -> str:
    """Return what to check, empty when neither the code nor the status tells it.

    proof: what was sent to prove who asks, one of credentials.METHODS or none; no other is spoken of.
    """
    if status == 400 and code == "MR.0105":
        return ""  # the handler has said what is wrong with the picture
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code == "APIG.0303":
        return f"{_APP[proof]}."
    if code == "APIG.0301" or code.startswith("ModelArts.02") or status == 401:
        return f"{_IAM[proof]}."
    if status == 403:
        return f"{_IAM[proof]}; the account may lack the right to call this service."
    return _BY_STATUS.get(status or 0, "")
