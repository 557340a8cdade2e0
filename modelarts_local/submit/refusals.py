"""What to do about a refusal of the platform, by its error code or the HTTP status (contract 1.1, 2.3, 4.3, 5.2)."""

from __future__ import annotations

from typing import Any

_CONFIG = "Look at model/config.json with: modelarts-local check"
_OUR_DEFECT = "This is a defect of modelarts-local; report it with what --dry-run prints."

BY_CODE = {
    "APIG.0101": "Check --endpoint and --region: the gateway knows no such API.",
    "APIG.0301": "Check HUAWEICLOUD_SDK_AK and _SK, and with temporary keys HUAWEICLOUD_SDK_SECURITY_TOKEN.",
    "APIG.0303": "Check HUAWEICLOUD_SDK_SK, and this computer's clock: it may be 15 minutes off.",
    "ModelArts.0206": "Check HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK: the keys are wrong.",
    "ModelArts.0405": "Check --region: what is asked for lies in another one.",
    "ModelArts.2604": "Another job writes to the same folder: wait for its end, or give another --to.",
    "ModelArts.2751": "There is a job of that name; give another --name.",
    "ModelArts.2757": "Check --codes and --to: the platform does not find the code folder, or may not read it.",
    "ModelArts.2758": "Check --boot-file: the platform does not find it in the code folder.",
    "ModelArts.2759": "Take files out of --codes: there are too many.",
    "ModelArts.2760": "Make the folders in --codes less deep.",
    "ModelArts.2761": "Take files out of --codes: they are too large.",
    "ModelArts.2763": "Check --train-flavor: the region has no such flavor, or it is not for this image.",
    "ModelArts.2780": "Check --train-image: the platform knows no such image.",
    "ModelArts.2781": "Check --train-flavor: the region has no such flavor, or it is sold out.",
    "ModelArts.2785": "Authorise ModelArts once for this account: console, Settings, Global Configuration.",
    "ModelArts.2787": _OUR_DEFECT,
    "ModelArts.2788": "Check each --param: the platform takes no such parameter.",
    "ModelArts.2791": "Check --to and --data: a path is not in a bucket of this region, or may not be read.",
    "ModelArts.2792": "Check --boot-file: it has to lie inside --codes.",
    "ModelArts.2799": "The account asks too much at a time: wait a minute and give the same command again.",
    "ModelArts.2832": "The platform has given that engine up; give an image of your own with --train-image.",
    "ModelArts.2857": _OUR_DEFECT,
    "ModelArts.2859": _OUR_DEFECT,
    "ModelArts.3001": "It is not there; somebody has deleted it.",
    "ModelArts.3002": "There is a model of that name and version; give another --name.",
    "ModelArts.3006": "Publishing it failed; look at the model's events in the console.",
    "ModelArts.3009": "A service still uses the model; delete that first.",
    "ModelArts.3013": "The platform does not find model/config.json, or may not read it.",
    "ModelArts.3014": f"The description of the API is refused. {_CONFIG}.",
    "ModelArts.3015": f"config.json is no JSON, or not to specification. {_CONFIG}.",
    "ModelArts.3016": f"config.json holds what the platform does not take. {_CONFIG}.",
    "ModelArts.3017": "Check --to: the platform takes no package from such a path.",
    "ModelArts.3036": f"config.json lacks what the platform needs. {_CONFIG}.",
    "ModelArts.3037": f"config.json holds a value that the platform does not take. {_CONFIG}.",
    "ModelArts.3043": "Give ModelArts the right obs:object:PutObjectAcl on the bucket.",
    "ModelArts.3044": "The model file is larger than 20 GB.",
}
_BY_STATUS = {
    401: "Check HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, that --project is the keys' own, and this computer's clock.",
    403: "The keys' owner may not do this: give the account the rights of ModelArts and authorise it for OBS.",
    404: "It is not there: check --project and --region; somebody may have deleted it.",
    409: "It collides with something that is there; give another --name, or clean up what uses it.",
    429: "The account asks too much at a time: wait a minute and give the same command again.",
}
GONE = frozenset({"ModelArts.3001", "ModelArts.2755"})  # of a thing that is asked for or deleted by its id


def code_and_message(answer: Any) -> tuple[str, str]:
    """Return the platform's error code and its words, each empty where there are none."""
    if not isinstance(answer, dict):
        return "", ""
    inner = answer.get("error")
    error = inner if isinstance(inner, dict) else answer
    code = str(error.get("error_code") or error.get("code") or "").replace("APIGW.", "APIG.")
    told = str(error.get("error_msg") or error.get("message") or "").strip()
    solution = str(error.get("error_solution") or "").strip()
    return code, f"{told.rstrip('.')}. {solution}" if told and solution else told


def advice_on(status: int, code: str) -> str:
    """Return what to do, empty when neither the code nor the status tells it."""
    if code in BY_CODE:
        return BY_CODE[code]
    if code.startswith("ModelArts.02"):
        return _BY_STATUS[401]
    return _BY_STATUS.get(status, "")
