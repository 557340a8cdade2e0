"""What `submit` says and does when the platform refuses, fails, is slow, loses an answer, or is not there."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.asking import run_command
from tests.fixtures_engines import ROOT
from tests.platform_stub import json_answer, refusal
from tests.scripted_server import Answer
from tests.submissions import Bundle, interpreter_environment

DEADLINE_S = 120
UNTIL_TRAIN = "--until=train"


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (refusal(401, "APIG.0301", "bad token"), 1, "Check HUAWEICLOUD_SDK_AK and _SK"),
        (refusal(401, "ModelArts.0210", "wrong project"), 1, "that --project is the keys' own"),
        (refusal(403, "ModelArts.2785", "not authorised"), 1, "Authorise ModelArts once for this account"),
        (refusal(403, "", "no right"), 1, "give the account the rights of ModelArts"),
        (refusal(409, "ModelArts.9999", "in use"), 1, "It collides with something that is there"),
        (refusal(400, "ModelArts.2763", "no flavor"), 1, "Check --train-flavor"),
        (refusal(400, "ModelArts.2780", "no image"), 1, "Check --train-image"),
        (refusal(400, "ModelArts.2791", "no path"), 1, "Check --to and --data"),
        (
            json_answer(200, {"is_success": False, "error_code": "ModelArts.2604", "error_msg": "busy"}),
            1,
            "Another job",
        ),
        (json_answer(302, {}, location="https://elsewhere.example.com"), 1, "give that as --endpoint"),
        (Answer(200, b"<html>proxy</html>"), 3, "the answer is no object of JSON but '<html>proxy</html>'"),
    ],
)
def test_a_refusal_is_told_with_what_to_do_and_leaves_nothing_that_runs(
    bundle: Bundle, answer: Answer, code: int, told: str
) -> None:
    bundle.stub.fail("POST", "training-jobs$", answer)
    done = bundle.submit(UNTIL_TRAIN)
    assert done.code == code, done.err
    assert "could not create the training job" in done.err and told in done.err
    assert bundle.stub.things == {}
    if code == 1:
        assert "nothing of this submission runs" in done.out and bundle.state["made"] == []


def test_too_many_requests_wait_as_long_as_the_platform_asks(bundle: Bundle) -> None:
    slow = refusal(429, "ModelArts.2799", "slow down", retry_after="0")
    bundle.stub.fail("POST", "training-jobs$", slow, slow)
    assert bundle.submit(UNTIL_TRAIN).code == 0
    assert len(bundle.stub.of_kind("job")) == 1


def test_too_many_requests_without_end_are_told_and_nothing_runs(bundle: Bundle) -> None:
    bundle.stub.fail("POST", "training-jobs$", *[refusal(429, "ModelArts.2799", "slow", retry_after="0")] * 3)
    done = bundle.submit(UNTIL_TRAIN)
    assert done.code == 3 and "429 ModelArts.2799: slow. The account asks too much at a time" in done.err
    assert bundle.state["made"] == []


def test_a_server_error_while_waiting_is_asked_again(bundle: Bundle) -> None:
    bundle.stub.fail(
        "GET", "training-jobs/[^/]+$", Answer(502), refusal(500, "ModelArts.0010", "oops", retry_after="0")
    )
    assert bundle.submit(UNTIL_TRAIN).code == 0


@pytest.mark.parametrize("answer", [Answer(504), Answer(200, b'{"kind": "job"', cut_after=5)])
@pytest.mark.parametrize("was_made", [True, False])
def test_what_creates_is_not_sent_twice_when_its_answer_is_lost(bundle: Bundle, answer: Answer, was_made: bool) -> None:
    if was_made:  # the platform makes the job, and the answer does not arrive
        bundle.stub.lose("POST", "training-jobs$", answer)
    else:
        bundle.stub.fail("POST", "training-jobs$", answer)
    done = bundle.submit(UNTIL_TRAIN)
    assert len([path for path in bundle.stub.paths("POST") if path.endswith("training-jobs")]) == 1
    if was_made:
        assert done.code == 0 and len(bundle.stub.of_kind("job")) == 1
    else:
        assert done.code == 3
        assert "its id is not known, cleanup looks for it" in done.out
        assert bundle.submit(UNTIL_TRAIN).code == 0, "the next run finds that there is none, and makes one"
        assert len(bundle.stub.of_kind("job")) == 1


def test_a_model_and_a_service_whose_answers_are_lost_are_found_by_their_names(bundle: Bundle) -> None:
    bundle.stub.lose("POST", "models$", Answer(504))
    bundle.stub.lose("POST", "services$", Answer(504))
    assert bundle.submit("--keep").code == 0
    assert (len(bundle.stub.of_kind("model")), len(bundle.stub.of_kind("service"))) == (1, 1)
    assert {thing["id"] for thing in bundle.state["made"]} == set(bundle.stub.things)


@pytest.mark.parametrize(
    ("exit_code", "log", "told"),
    [
        (
            1,
            b'Traceback (most recent call last):\n  File "a"\nValueError: no records\n',
            "ValueError: no records (exit",
        ),
        (137, b"epoch 1\n", "the memory was probably full"),
    ],
)
def test_a_job_that_fails_is_told_with_its_cause(bundle: Bundle, exit_code: int, log: bytes, told: str) -> None:
    bundle.stub.phases, bundle.stub.exit_code, bundle.stub.log = ["Running", "Failed"], exit_code, [log]
    done = bundle.submit()
    assert done.code == 1 and "is Failed: " in done.err and told in done.err
    assert "nothing of this submission runs" in done.out and "left, and does not run: training job" in done.out
    assert bundle.stub.of_kind("model") == []


def test_the_command_given_again_after_a_failed_job_starts_another(bundle: Bundle) -> None:
    bundle.stub.phases = ["Running", "Failed"]
    assert bundle.submit(UNTIL_TRAIN).code == 1
    bundle.stub.phases = ["Running", "Completed"]
    assert bundle.submit(UNTIL_TRAIN).code == 0
    assert len(bundle.stub.of_kind("job")) == 2
    assert bundle.act("cleanup", "trial").code == 0 and bundle.stub.things == {}


def test_a_job_that_leaves_no_package_is_told_before_anything_is_imported(bundle: Bundle, s3_client: Any) -> None:
    places = (f"--codes=obs://{bundle.bucket}/c", f"--data=obs://{bundle.bucket}/d")
    bundle.stub.on_output = lambda obs_url: None
    done = bundle.submit(*places)
    assert done.code == 1 and "/model: there is no network file" in done.err
    assert bundle.stub.paths("POST")[-1].endswith("training-jobs")


@pytest.mark.parametrize("document", [{}, {"items": None}, {"items": ["x", {"metadata": 1}]}, {"items": {"a": 1}}])
def test_an_odd_answer_about_what_is_there_finds_nothing(bundle: Bundle, document: dict[str, Any]) -> None:
    bundle.stub.fail("POST", "training-jobs$", Answer(504))
    bundle.stub.fail("POST", "training-job-searches$", json_answer(200, document))
    done = bundle.submit(UNTIL_TRAIN)
    assert done.code == 3 and "could not create the training job: the platform answered 504" in done.err


@pytest.mark.parametrize("document", [{}, {"status": None}, {"status": "Completed"}, {"status": {"phase": None}}])
def test_an_odd_state_is_waited_for(bundle: Bundle, document: dict[str, Any]) -> None:
    bundle.stub.fail("GET", "training-jobs/[^/]+$", json_answer(200, document))
    done = bundle.submit(UNTIL_TRAIN)
    assert done.code == 0 and ": unknown" in done.out


def test_an_import_that_fails_is_told(bundle: Bundle) -> None:
    bundle.stub.model_states = ["publishing", "failed"]
    done = bundle.submit()
    assert done.code == 1 and "the import of the model trial-" in done.err and "modelarts-local check" in done.err
    assert "nothing of this submission runs" in done.out


def test_a_refused_config_is_told(bundle: Bundle) -> None:
    bundle.stub.fail("POST", "models$", refusal(400, "ModelArts.3015", "not JSON"))
    done = bundle.submit()
    assert (
        done.code == 1 and "could not import the model: the platform answered 400 ModelArts.3015: not JSON." in done.err
    )
    assert "Look at model/config.json with: modelarts-local check." in done.err


def test_a_service_that_fails_is_told_with_the_platforms_words(bundle: Bundle) -> None:
    bundle.stub.service_states, bundle.stub.service_error = ["deploying", "failed"], "health check failed"
    done = bundle.submit()
    assert done.code == 1 and "is failed instead of running: health check failed. Look at its events" in done.err
    assert "the image has to listen on port 8080" in done.err
    assert "delete it with: modelarts-local submit cleanup trial" in done.out


def test_a_picture_that_is_not_answered_stops_the_service_all_the_same(bundle: Bundle) -> None:
    bundle.stub.predictions = [json_answer(500, {"erno": "MR.0105", "msg": "Recognition failed", "words_result": {}})]
    done = bundle.submit()
    assert done.code == 1 and "the service did not answer the picture: 500: Recognition failed" in done.err
    assert bundle.stub.of_kind("service") == [] and "nothing of this submission runs" in done.out


def test_a_service_that_cannot_be_reached_is_stopped_all_the_same(bundle: Bundle) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        bundle.stub.service_url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = bundle.submit()
    assert done.code == 3 and "no service answers at http://127.0.0.1:" in done.err
    assert bundle.stub.of_kind("service") == [] and "nothing of this submission runs" in done.out


def test_a_job_of_which_nobody_knows_counts_as_running_until_it_is_deleted(bundle: Bundle) -> None:
    bundle.stub.phases = ["Running", "Abnormal"]
    done = bundle.submit(UNTIL_TRAIN)
    assert done.code == 1 and "is Abnormal: " in done.err
    assert "RUNS AND COSTS MONEY until it is stopped:" in done.out.splitlines()[-4:]
    assert bundle.act("cleanup", "trial").code == 0 and bundle.stub.things == {}


def test_the_model_of_a_job_that_is_gone_is_not_taken_for_that_of_the_next(bundle: Bundle) -> None:
    assert bundle.submit("--until=import").code == 0
    for number in [number for number, thing in bundle.stub.things.items() if thing["kind"] == "job"]:
        del bundle.stub.things[number]
    assert bundle.submit("--until=import").code == 0
    assert (len(bundle.stub.of_kind("job")), len(bundle.stub.of_kind("model"))) == (1, 2)


@pytest.mark.parametrize(
    ("kind", "states", "last"),
    [
        ("phases", ["Pending"], "RUNS AND COSTS MONEY until it is stopped:"),
        ("model_states", ["publishing"], "nothing of this submission runs"),
        ("service_states", ["deploying"], "RUNS AND COSTS MONEY until it is stopped:"),
    ],
)
def test_what_takes_too_long_is_told_with_what_runs(bundle: Bundle, kind: str, states: list[str], last: str) -> None:
    setattr(bundle.stub, kind, states)
    done = bundle.submit("--timeout=1s")
    assert (
        done.code == 3 and f"is still {states[0]} after 1 s. The same command given again goes on waiting" in done.err
    )
    bills = [line for line in done.out.splitlines() if line.startswith(("RUNS", "nothing of"))]
    assert bills[-1] == last


def test_nothing_at_the_endpoint_is_told(bundle: Bundle) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        done = bundle.submit(f"--endpoint=http://127.0.0.1:{taken.getsockname()[1]}", "--retries=0", UNTIL_TRAIN)
    assert done.code == 3 and "could not create the training job: nothing answers at http://127.0.0.1:" in done.err
    assert "nothing of this submission runs" in done.out and bundle.state["made"] == []


def test_wrong_keys_are_told(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", "other")
    done = bundle.submit(UNTIL_TRAIN)
    assert (
        done.code == 1
        and "401 APIG.0303" in done.err
        and "Check HUAWEICLOUD_SDK_SK, and this computer's clock" in done.err
    )
    assert len(bundle.stub.problems) == 1 and "verify signature fail" in bundle.stub.problems.pop()


def test_missing_keys_are_told_before_anything_is_uploaded(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUAWEICLOUD_SDK_SK")
    done = bundle.submit()
    assert done.code == 2 and "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK are not set" in done.err
    assert not bundle.state_path.exists()


def test_a_bucket_that_is_not_there_is_told_with_how_to_create_it(bundle: Bundle) -> None:
    done = bundle.submit("--to=obs://no-such-bucket-here/run")
    assert done.code == 3 and "the storage has no bucket no-such-bucket-here" in done.err
    assert "--create-bucket" in done.err and bundle.stub.server.requests == []


def test_code_that_the_platform_would_refuse_is_not_submitted(bundle: Bundle) -> None:
    program = bundle.folder / "codes" / "train_caltech.py"
    program.write_text(program.read_text().replace("parse_known_args", "parse_args"))
    done = bundle.submit()
    assert done.code == 1 and "--no-check submits it all the same" in done.err
    assert bundle.stub.server.requests == [] and not bundle.state_path.exists()
    assert bundle.submit("--no-check", UNTIL_TRAIN).code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_tells_what_still_runs_and_how_to_stop_it(bundle: Bundle, number: int) -> None:
    bundle.stub.phases = ["Creating", "Running"]
    process = subprocess.Popen(
        [sys.executable, "-m", "modelarts_local", *bundle.command()],
        cwd=ROOT,
        env={**interpreter_environment(bundle.folder), "PYTHONPATH": f"{ROOT}:{ROOT / 'codes'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: any(thing["looks"] > 1 for thing in bundle.stub.of_kind("job")))
    process.send_signal(number)
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130, err
    last = out.splitlines()[-5:]
    assert last[0].endswith("the same command given again goes on")
    assert last[1] == "RUNS AND COSTS MONEY until it is stopped:"
    assert last[3] == "  stop and delete it with: modelarts-local submit cleanup trial"
    assert bundle.act("cleanup").code == 0 and bundle.stub.things == {}


def test_two_commands_do_not_work_on_one_submission_at_a_time(bundle: Bundle) -> None:
    bundle.stub.phases = ["Running"]
    process = subprocess.Popen(
        [sys.executable, "-m", "modelarts_local", *bundle.command()],
        cwd=ROOT,
        env={**interpreter_environment(bundle.folder), "PYTHONPATH": f"{ROOT}:{ROOT / 'codes'}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: bool(bundle.stub.of_kind("job")))
        done = bundle.act("cleanup", "trial")
        assert done.code == 2 and "another modelarts-local works on" in done.err
    finally:
        process.kill()
        process.wait()
    assert bundle.act("cleanup", "trial").code == 0 and bundle.stub.things == {}


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--name="], "--name is missing"),
        (["--to="], "--to is missing"),
        (["--name=9lives"], "the platform takes a letter"),
        (["--to=caltech"], "give a folder in a bucket"),
        (["--to=obs://b/with space"], "holds a space"),
        (["--train-image="], "--train-image is missing; give it, or end before with --until upload"),
        (["--image="], "--image is missing; give it, or end before with --until deploy"),
        (
            ["--name=", "--serve-image=", "--image="],
            "3 settings are missing:\n"
            "  --name is missing; give the submission one, by which it is shown and cleaned up later.\n"
            "  --serve-image is missing; give it, or end before with --until train.\n"
            "  --image is missing; give it, or end before with --until deploy.",
        ),
        (["--param=data_url=x"], "is set by the platform"),
        (["--serve-env=API_KEY=x"], "--serve-env API_KEY=... is likely a key"),
        (["--serve-env=A-B=x"], "is not NAME=VALUE"),
        (["--endpoint=http://example.com"], "over http:// nobody knows who answers"),
        (["--region=", "--dry-run"], "--region is missing; give it, or set HUAWEICLOUD_SDK_REGION"),
        (["--region=a/b"], "holds characters that no region"),
        (["--codes=nowhere"], "there is no such folder"),
        (["--boot-file=nowhere.py"], "there is no such file"),
        (["--image=nowhere.jpg"], "there is no such file"),
    ],
)
def test_a_wrong_command_line_is_told_and_sends_nothing(bundle: Bundle, flags: list[str], told: str) -> None:
    done = bundle.submit(*flags)
    assert done.code == 2 and told in done.err
    assert bundle.stub.server.requests == []


@pytest.mark.keeps("model-name", "submit")
def test_a_name_that_the_platform_would_not_take_for_a_model_is_refused(bundle: Bundle) -> None:
    done = bundle.submit(f"--name={'x' * 40}")
    assert done.code == 2 and "39 in all; 9 more are added" in done.err
    assert bundle.submit(f"--name={'x' * 39}").code == 0  # the stub takes 48 characters


@pytest.mark.keeps("service-stop", "submit")
def test_a_service_that_is_to_stop_later_than_the_platform_allows_is_refused(bundle: Bundle) -> None:
    done = bundle.submit("--service-hours=25")
    assert done.code == 2 and "--service-hours=25: the platform takes 1 to 24." in done.err
    assert bundle.submit("--service-hours=24").code == 0


def test_a_project_that_is_missing_is_told(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUAWEICLOUD_SDK_PROJECT_ID")
    done = run_command(*bundle.command())
    assert done.code == 2 and "--project is missing; give it, or set HUAWEICLOUD_SDK_PROJECT_ID" in done.err


def test_a_state_that_cannot_be_written_starts_nothing(bundle: Bundle) -> None:
    (bundle.folder / "home").write_text("a file where a folder has to be")
    done = bundle.submit()
    assert done.code == 2 and "cannot be written" in done.err and bundle.stub.server.requests == []


def test_the_state_names_the_job_before_it_is_asked_for(bundle: Bundle) -> None:
    seen: list[Any] = []
    bundle.stub.before = lambda request: seen.append(json.loads(bundle.state_path.read_text())["made"])
    assert bundle.submit(UNTIL_TRAIN).code == 0
    assert [(thing["kind"], thing["id"]) for thing in seen[0]] == [("training job", None)]
    assert not list(Path(bundle.state_path.parent).glob("*.part"))


def wait_until(is_so: Any) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
