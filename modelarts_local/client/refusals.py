"""What to check when a service refuses a picture, by the platform's error code or the HTTP status (contract 4.3)."""

from __future__ import annotations

from typing import Any

# What is true of one picture is then true of all
ENDS_ALL = frozenset({401, 403, 404, 405})

_WHO = "Check --token, --app-code or --ak and --sk, or the variables that stand for them"
_IAM = "Check --token: it must be given, is good for one project and region, and lives for 24 hours"
_SERVICE_LOG = "Look into the service's log"

_BY_CODE = {
    "APIG.0101": "Check --url: the gateway knows no such API; copy the address from the service's usage guide.",
    "APIG.0301": f"{_IAM}. With --ak and --sk check both keys.",
    "APIG.0303": "Check the AppCode, or --ak and --sk and this computer's clock, which may be 15 minutes off at most.",
    "ModelArts.0206": "Check --ak and --sk: the keys are wrong.",
    "ModelArts.4104": "Check that the picture is sent as the field that config.json names and is below 12 MB.",
    "ModelArts.4205": f"The connection to the service timed out. {_SERVICE_LOG} and at its state.",
    "ModelArts.4206": "The service takes fewer requests at a time: lower --connections, or raise --retries.",
    "ModelArts.4302": f"The gateway does not reach the service: it is stopped, or it refuses. {_SERVICE_LOG}.",
    "ModelArts.4503": f"The service is not there or answered too late: {_SERVICE_LOG.lower()} and at its load.",
    "MR.0105": f"customize_service.py failed on it: {_SERVICE_LOG.lower()} for the traceback.",
}
_BY_STATUS = {
    401: f"{_WHO}.",
    403: f"{_WHO}; the account may lack the right to call this service.",
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


def advice_on(status: int | None, code: str) -> str:
    """Return what to check, empty when neither the code nor the status tells it."""
    if status == 400 and code == "MR.0105":
        return ""  # the handler has said what is wrong with the picture
    if code.startswith("ModelArts.02") and code not in _BY_CODE:
        return f"{_IAM}."
    return _BY_CODE.get(code) or _BY_STATUS.get(status or 0, "")
