"""ModelArts's management API and one service behind it, on a real socket: what `submit` speaks to in tests.

Every signature is made anew by the signer of the platform's own SDK and compared; every body is held against the fields
of the contract. What is wrong with a request is answered as the platform does, and kept in `problems`.
"""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from typing import Any, Callable, Iterator, Mapping
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests import platform_fields
from tests.platform_fields import problems_of
from tests.scripted_server import Answer, Request, ScriptedServer

ACCESS_KEY, SECRET_KEY, PROJECT = "AKTESTONLY", "secret-of-tests-only", "0123456789abcdef"
_AUTHORIZATION = re.compile(r"SDK-HMAC-SHA256 Access=(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})")
_MUST_BE_SIGNED = {"host", "x-sdk-date"}


def json_answer(status: int, document: Any, **headers: str) -> Answer:
    """An Answer with a JSON body. headers: with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps(document).encode()
    return Answer(status, body, {"Content-Length": str(len(body)), "Content-Type": "application/json", **named})


def refusal(status: int, code: str, message: str = "told to", **headers: str) -> Answer:
    """The Answer with which the platform refuses."""
    return json_answer(status, {"error_code": code, "error_msg": message}, **headers)


class PlatformStub:
    """The platform. sign: as signer_of_sdk returns it. on_output: called with the obs_url of a completed job's output.

    phases, model_states, service_states: what a new thing goes through, one at each look, the last to stay.
    before: called with each request.
    """

    def __init__(self, sign: Callable[[Request, set[str]], str], on_output: Callable[[str], None]) -> None:
        self._sign = sign
        self.on_output = on_output
        self.server = ScriptedServer(self._answer)
        self.phases = ["Creating", "Pending", "Running", "Running", "Completed"]
        self.model_states = ["publishing", "published"]
        self.service_states = ["deploying", "running"]
        self.exit_code = 0
        self.service_error = ""
        self.service_url = ""
        self.log = [b"epoch 1\n", b"epoch 2\nTraining comp", b"leted.\n"]
        self.before: Callable[[Request], None] = lambda request: None
        self.problems: list[str] = []
        self.things: dict[str, dict[str, Any]] = {}
        self._faults: list[tuple[str, str, Answer, bool]] = []
        self.predictions = [json_answer(200, {"predicted_label": "cat", "scores": [["cat", 0.9], ["dog", 0.1]]})]

    @contextlib.contextmanager
    def running(self) -> Iterator[PlatformStub]:
        """Serve for the length of a block."""
        with self.server.running():
            yield self

    def fail(self, method: str, pattern: str, *answers: Answer) -> None:
        """Answer the next requests that match with these, and do nothing."""
        self._faults += [(method, pattern, answer, False) for answer in answers]

    def lose(self, method: str, pattern: str, answer: Answer) -> None:
        """Do what the next request that matches asks for, and answer it with this."""
        self._faults.append((method, pattern, answer, True))

    def paths(self, method: str) -> list[str]:
        """The paths that were asked for with that method, in order."""
        return [request.path for request in self.server.of(method)]

    def bodies(self, method: str, pattern: str) -> list[Any]:
        """The bodies of requests, in order."""
        return [json.loads(each.body) for each in self.server.of(method) if re.search(pattern, each.path)]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The jobs, models or services that are there."""
        return [thing for thing in self.things.values() if thing["kind"] == kind]

    def _answer(self, request: Request) -> Answer:
        wrong = self._wrong_signature(request)
        if wrong:
            self.problems.append(f"{request.method} {request.path}: {wrong}")
            return refusal(401, "APIG.0303", f"Incorrect IAM authentication information: {wrong}")
        self.before(request)
        for fault in self._faults:
            method, pattern, answer, is_done = fault
            if method == request.method and re.search(pattern, request.path):
                self._faults.remove(fault)
                if is_done:
                    self._routed(request)
                return answer
        return self._routed(request)

    def _wrong_signature(self, request: Request) -> str:
        found = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
        if found is None:
            return "no signature"
        names = set(found.group(2).split(";"))
        if found.group(1) != ACCESS_KEY or not names >= _MUST_BE_SIGNED:
            return f"access key {found.group(1)}, signed {sorted(names)}"
        expected = self._sign(request, names)
        return "" if expected == request.headers["Authorization"] else "verify signature fail"

    def _routed(self, request: Request) -> Answer:
        for method, pattern, act in _ROUTES:
            found = re.fullmatch(pattern.replace("PROJECT", PROJECT), urlsplit(request.path).path)
            if method == request.method and found:
                return act(self, request, *found.groups())
        self.problems.append(f"{request.method} {request.path}: no such API")
        return refusal(404, "APIG.0101", "The API does not exist")

    def _checked(self, request: Request, fields: Mapping[str, Any]) -> Any:
        body = json.loads(request.body)
        if not (request.headers.get("Content-Type") or "").startswith("application/json"):
            self.problems.append(f"{request.path}: the body is not said to be JSON")
        self.problems += [f"{request.path}: {problem}" for problem in problems_of(body, fields)]
        return body

    def _make(self, kind: str, name: str, states: list[str], body: Any) -> str:
        number = str(uuid.uuid4())
        self.things[number] = {"kind": kind, "name": name, "states": list(states), "body": body, "looks": 0}
        return number

    def _state_of(self, number: str) -> str:
        states = self.things[number]["states"]
        self.things[number]["looks"] += 1
        return states.pop(0) if len(states) > 1 else states[0]

    def create_job(self, request: Request) -> Answer:
        body = self._checked(request, platform_fields.TRAINING_JOB)
        name = body["metadata"]["name"]
        if any(thing["name"] == name for thing in self.of_kind("job")):
            return refusal(400, "ModelArts.2751", "duplicate name")
        number = self._make("job", name, self.phases, body)
        return json_answer(
            201, {"kind": "job", "metadata": {"id": number, "name": name}, "status": {"phase": "Creating"}}
        )

    def job_details(self, request: Request, number: str) -> Answer:
        phase = self._state_of(number)
        if phase == "Completed" and not self.things[number].get("is_written"):
            self.things[number]["is_written"] = True
            self.on_output(self.things[number]["body"]["algorithm"]["outputs"][0]["remote"]["obs"]["obs_url"])
        tasks = [{"task": "worker-0", "exit_code": self.exit_code}]
        status = {"phase": phase, "secondary_phase": phase, "task_statuses": tasks, "tasks": ["worker-0"]}
        return json_answer(200, {"kind": "job", "metadata": {"id": number}, "status": status})

    def job_log(self, request: Request, number: str) -> Answer:
        looks = self.things[number].setdefault("log_looks", 0)
        self.things[number]["log_looks"] += 1
        content = b"".join(self.log[: looks + 1]).decode()
        return json_answer(200, {"content": content, "current_size": len(content), "full_size": len(content.encode())})

    def stop_job(self, request: Request, number: str) -> Answer:
        self._checked(request, platform_fields.JOB_ACTION)
        if self.things[number]["states"][0] == "Abnormal":
            return refusal(400, "ModelArts.2773", "only a job that waits or runs can be terminated")
        self.things[number]["states"] = ["Terminating", "Terminated"]
        return json_answer(202, {"kind": "job", "metadata": {"id": number}})

    def delete_job(self, request: Request, number: str) -> Answer:
        if self.things[number]["states"][0] in ("Creating", "Pending", "Running", "Terminating"):
            return refusal(400, "ModelArts.2774", "the job runs")
        del self.things[number]
        return Answer(202, b'""')

    def find_jobs(self, request: Request) -> Answer:
        wanted = self._checked(request, platform_fields.JOB_SEARCH)["filters"][0]["value"][0]
        found = [(number, thing) for number, thing in self.things.items() if thing["kind"] == "job"]
        items = [{"metadata": {"id": number, "name": each["name"]}} for number, each in found if wanted in each["name"]]
        return json_answer(200, {"total": len(items), "items": items})

    def create_model(self, request: Request) -> Answer:
        body = self._checked(request, platform_fields.MODEL)
        if any(thing["name"] == body["model_name"] for thing in self.of_kind("model")):
            return refusal(409, "ModelArts.3002", "model exists")
        return json_answer(200, {"model_id": self._make("model", body["model_name"], self.model_states, body)})

    def model_details(self, request: Request, number: str) -> Answer:
        return json_answer(200, {"model_id": number, "model_status": self._state_of(number)})

    def delete_model(self, request: Request, number: str) -> Answer:
        if any(thing["body"]["config"][0]["model_id"] == number for thing in self.of_kind("service")):
            failed = {"model_id": number, "error_code": "ModelArts.3009", "error_msg": "used to deploy a service"}
            return json_answer(200, {"delete_success_list": [], "delete_failed_list": [failed]})
        del self.things[number]
        return json_answer(200, {"delete_success_list": [number], "delete_failed_list": []})

    def find_models(self, request: Request) -> Answer:
        return self._found(request, "model")

    def create_service(self, request: Request) -> Answer:
        body = self._checked(request, platform_fields.SERVICE)
        if body["config"][0]["model_id"] not in self.things:
            return refusal(404, "ModelArts.3001", "no such model")
        number = self._make("service", body["service_name"], self.service_states, body)
        return json_answer(200, {"service_id": number, "resource_ids": ["INF-1"]})

    def service_details(self, request: Request, number: str) -> Answer:
        status = self._state_of(number)
        answer = {"service_id": number, "status": status, "infer_type": "real-time"}
        if status == "running":
            answer["access_address"] = f"{self.service_url or self.server.url}/v1/infers/{number}"
        if status == "failed":
            answer["error_msg"] = self.service_error
        return json_answer(200, answer)

    def change_service(self, request: Request, number: str) -> Answer:
        self._checked(request, platform_fields.SERVICE_CHANGE)
        self.things[number]["states"] = ["stopping", "stopped"]
        return json_answer(200, {})

    def delete_service(self, request: Request, number: str) -> Answer:
        del self.things[number]
        return json_answer(200, {})

    def find_services(self, request: Request) -> Answer:
        return self._found(request, "service")

    def predict(self, request: Request, number: str) -> Answer:
        if b'name="images"; filename=' not in request.body:
            self.problems.append("the picture is not in the field images")
        if request.headers.get("X-Stage") != "RELEASE":
            self.problems.append("a prediction without X-Stage")
        return self.predictions.pop(0) if len(self.predictions) > 1 else self.predictions[0]

    def _found(self, request: Request, kind: str) -> Answer:
        wanted = parse_qs(urlsplit(request.path).query)[f"{kind}_name"][0]
        found = [
            {f"{kind}_id": number, f"{kind}_name": thing["name"]}
            for number, thing in self.things.items()
            if thing["kind"] == kind and wanted in thing["name"]
        ]
        return json_answer(200, {f"{kind}s": found, "count": len(found)})


def _known(act: Callable[..., Answer]) -> Callable[..., Answer]:
    """Answer 404 for an id that nothing has."""

    def guarded(stub: PlatformStub, request: Request, number: str) -> Answer:
        if number not in stub.things:
            return refusal(404, "ModelArts.3001", "not found")
        return act(stub, request, number)

    return guarded


_JOB, _MODEL, _SERVICE = (
    rf"/v{n}/PROJECT/{kind}" for n, kind in ((2, "training-jobs"), (1, "models"), (1, "services"))
)
_ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("POST", _JOB, PlatformStub.create_job),
    ("GET", rf"{_JOB}/([^/]+)", _known(PlatformStub.job_details)),
    ("GET", rf"{_JOB}/([^/]+)/tasks/worker-0/logs/preview", _known(PlatformStub.job_log)),
    ("POST", rf"{_JOB}/([^/]+)/actions", _known(PlatformStub.stop_job)),
    ("DELETE", rf"{_JOB}/([^/]+)", _known(PlatformStub.delete_job)),
    ("POST", r"/v2/PROJECT/training-job-searches", PlatformStub.find_jobs),
    ("POST", _MODEL, PlatformStub.create_model),
    ("GET", _MODEL, PlatformStub.find_models),
    ("GET", rf"{_MODEL}/([^/]+)", _known(PlatformStub.model_details)),
    ("DELETE", rf"{_MODEL}/([^/]+)", _known(PlatformStub.delete_model)),
    ("POST", _SERVICE, PlatformStub.create_service),
    ("GET", _SERVICE, PlatformStub.find_services),
    ("GET", rf"{_SERVICE}/([^/]+)", _known(PlatformStub.service_details)),
    ("PUT", rf"{_SERVICE}/([^/]+)", _known(PlatformStub.change_service)),
    ("DELETE", rf"{_SERVICE}/([^/]+)", _known(PlatformStub.delete_service)),
    ("POST", r"/v1/infers/([^/]+)", _known(PlatformStub.predict)),
]


def signer_of_sdk() -> Callable[[Request, set[str]], str]:
    """A function that signs what came in with the signer of huaweicloudsdkcore; returns the header Authorization."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

    signer = Signer(BasicCredentials(ACCESS_KEY, SECRET_KEY, PROJECT))

    def sign(request: Request, names: set[str]) -> str:
        parts = urlsplit(request.path)
        asked = SdkRequest(
            method=request.method,
            schema="http",
            host=request.headers["Host"],
            resource_path=parts.path,
            query_params=parse_qsl(parts.query, keep_blank_values=True),
            header_params={name.title(): request.headers[name] for name in names},
            body=request.body,
            uri=None,
            stream=False,
        )
        return str(signer.sign(asked).header_params["Authorization"])

    return sign
