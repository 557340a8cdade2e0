"""Every documented limit and default of the platform that the stand-in keeps, as data.

Evidence: D documented, S seen in samples, I inferred, U reported by users. Source: section of the contract, and the
document it cites. What a command enforces is proven row by row in tests/contract/test_platform_rules.py, and
docs/platform-rules.md is made from this table.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

MIB = 1024 * 1024
GIB = 1024 * MIB
ANY = "all"  # the one era of what did not change


class Limit(NamedTuple):
    """One limit or default.

    by_era: value by the year it held from, oldest first; {"all": value} for what did not change.
    enforced_by: the commands that keep it. code: what the platform answers, None where that is not documented.
    """

    id: str
    what: str
    unit: str
    by_era: Mapping[str, Any]
    evidence: str
    source: str
    enforced_by: tuple[str, ...]
    code: str | None = None

    @property
    def first(self) -> Any:
        """The value in the era of MXNet-1.2.1-python3.6, 2019."""
        return next(iter(self.by_era.values()))

    @property
    def strictest(self) -> Any:
        """The smallest value of all eras: what holds it is fit for each."""
        return min(self.by_era.values())

    @property
    def newest(self) -> Any:
        """The value of today's platform."""
        return list(self.by_era.values())[-1]


LIMITS = {
    limit.id: limit
    for limit in (
        # the training job
        Limit("code-folder-size", "size of the code folder", "bytes", {"2019": 128 * MIB, "2021": 5 * GIB}, "D",
              "1.6: OTC22 FAQ modelarts_05_0031; HD21", ("check", "train"), "ModelArts.2761"),
        Limit("code-folder-entries", "files and folders in the code folder", "entries",
              {"2019": 4096, "2021": 1024, "2025": 1000}, "D", "1.6: OTC22 FAQ; HD21; OTC25", ("check", "train"),
              "ModelArts.2759"),
        Limit("job-name", "length of a job's name, of 0-9 A-Z a-z _ -", "characters", {"2019": 20, "2021": 64}, "D",
              "1.6: HD19, HD21", ("train",)),
        Limit("job-description", "length of a job's description", "characters", {ANY: 256}, "D", "1.6: HD19",
              ("train",)),
        Limit("data-file-name", "length of a data file's name; longer ones are ignored", "characters", {ANY: 255}, "D",
              "1.1: HD19", ("check", "train")),
        Limit("node-count", "smallest number of nodes", "nodes", {ANY: 1}, "D", "1.1: HD19", ("train",)),
        Limit("job-log-size", "size at which a job's log is cut", "bytes", {ANY: GIB}, "S", "1.2: LOG", ("train",)),
        Limit("log-lines", "lines of a log that are shown unless asked otherwise", "lines", {ANY: 50}, "D",
              "1.8: HD21", ("logs",)),
        Limit("version-digits", "digits of a version folder's number, V0001 on", "digits", {ANY: 4}, "D", "1.8: HD19",
              ("train",)),
        Limit("job-retries", "most automatic restarts of a v2 job", "restarts", {"2025": 3}, "D", "1.9: OTC25",
              ("train",)),
        Limit("job-environments", "variables that a v2 job may be given", "variables", {"2025": 100}, "D", "5.2: OTC25",
              ("train",)),
        # the model package
        Limit("model-file-size", "size of a model file", "bytes", {"2025": 20 * GIB}, "D", "2.1: OTC25", ("check",),
              "ModelArts.3044"),
        Limit("model-algorithm", "length of model_algorithm", "characters", {"2021": 36}, "D", "2.3: HD21", ("check",),
              "ModelArts.3016"),
        Limit("model-apis", "apis of a model that is no custom image", "apis", {ANY: 1}, "D", "2.3: HD21", ("check",),
              "ModelArts.3014"),
        Limit("model-metric-decimals", "decimals of a metric that are kept", "decimals", {ANY: 17}, "D", "2.3: HD19",
              ("check",)),
        Limit("model-name", "length of a model's name", "characters", {"2019": 48, "2021": 64}, "D", "2.2: HD19",
              ("check", "submit")),
        Limit("model-description", "length of a model's description", "characters", {ANY: 100}, "D", "2.2: HD19 API",
              ("check",)),
        # the service
        Limit("request-size", "size of a request's body", "bytes", {ANY: 12 * MIB}, "D", "3.5: OTC25",
              ("serve", "predict"), "APIG.0201"),
        Limit("page-request-size", "size of a picture on the console's test page", "bytes", {ANY: 8 * MIB}, "D",
              "3.5, 4.4: SUP service-test page", ("serve",)),
        Limit("request-time", "time in which a request is answered", "seconds", {"2019": 60, "2021": 40}, "D",
              "3.5: HD19, HD21", ("check", "serve"), "ModelArts.4503"),
        Limit("service-port", "port of a service", "port", {ANY: 8080}, "D", "3.4, 7.3", ("serve",)),
        Limit("deploy-time", "time in which a service is up unless asked otherwise", "seconds", {"2025": 20 * 60}, "D",
              "4.5: OTC25", ("serve",)),
        Limit("service-stop", "time after which a service stops itself, at most", "hours", {"2025": 24}, "D",
              "4.5: OTC25", ("submit",)),
        Limit("signature-age", "skew between X-Sdk-Date and the service's clock", "seconds", {ANY: 15 * 60}, "D",
              "4.2: signing guide", ("serve",), "APIG.0303"),
    )
}  # fmt: skip

SERVICE_PORT: int = LIMITS["service-port"].newest
DEPLOY_LIMIT_S: int = LIMITS["deploy-time"].newest
MAX_BODY_BYTES: int = LIMITS["request-size"].strictest
REQUEST_LIMIT_S = float(LIMITS["request-time"].strictest)
# at the top of the code folder; pip installs it before the boot file runs (contract 1.5)
REQUIREMENTS = "pip-requirements.txt"
INPUT_NAME = "images"  # the form's field, the signature's input and the key in config.json are one name (contract 4.1)

# Error codes (contract 4.3): APIG.* come from the gateway, ModelArts.* from the dispatcher, MR.* from the handler.
CODE_UNKNOWN_URL = "APIG.0101"
CODE_BODY_TOO_LARGE = "APIG.0201"
CODE_WRONG_CREDENTIALS = "APIG.0301"
CODE_WRONG_APP_CREDENTIALS = "APIG.0303"
CODE_METHOD_NOT_ALLOWED = "Method Not Allowed"  # the gateway's words; no number is documented
CODE_INVALID_BODY = "ModelArts.4104"
CODE_CONNECTION_TIMEOUT = "ModelArts.4205"
CODE_TOO_MANY_REQUESTS = "ModelArts.4206"
CODE_SERVICE_DOWN = "ModelArts.4302"
CODE_ANSWERED_TOO_LATE = "ModelArts.4503"
CODE_HANDLER_FAILED = "MR.0105"

# What a client of the platform sees when customize_service.py raises; "erno" is spelt so there.
HANDLER_FAILED_BODY = {"erno": CODE_HANDLER_FAILED, "msg": "Recognition failed", "words_result": {}}
