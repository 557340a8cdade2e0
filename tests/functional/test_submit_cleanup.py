"""`submit cleanup` stops and deletes what a submission made and nothing else; `submit show` tells what there is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.asking import run_command
from tests.platform_stub import refusal
from tests.submissions import Bundle, keys_in


def test_cleanup_deletes_what_was_made_and_leaves_all_that_was_not(bundle: Bundle, s3_client: Any) -> None:
    assert bundle.submit("--keep").code == 0
    foreign = {"kind": "service", "name": "trial", "states": ["running"], "body": {"config": [{"model_id": "x"}]}}
    bundle.stub.things["somebody-elses"] = foreign
    before = keys_in(s3_client, bundle.bucket)
    done = bundle.act("cleanup", "trial")
    assert done.code == 0, done.out + done.err
    assert list(bundle.stub.things) == ["somebody-elses"]
    assert keys_in(s3_client, bundle.bucket) == before
    assert [line.split()[0] for line in done.out.splitlines() if line.endswith("deleted")] == [
        "service",
        "training",
        "model",
    ]
    assert "nothing of this submission runs" in done.out


def test_a_job_that_runs_is_stopped_and_then_deleted(bundle: Bundle) -> None:
    bundle.stub.phases = ["Creating", "Running"]
    assert bundle.submit("--timeout=1s").code == 3
    done = bundle.act("cleanup", "trial")
    assert done.code == 0, done.out + done.err
    assert [path.rpartition("/")[2] for path in bundle.stub.paths("POST")][-1] == "actions"
    assert bundle.stub.things == {} and "stopping it" in done.out


def test_cleanup_needs_no_name_where_one_submission_has_something_left(bundle: Bundle) -> None:
    assert bundle.submit("--until=train").code == 0
    assert bundle.act("cleanup").code == 0
    done = bundle.act("cleanup")
    assert done.code == 2 and "Found: trial (0 left)." in done.err


def test_cleanup_again_has_nothing_to_do(bundle: Bundle) -> None:
    assert bundle.submit("--until=train").code == 0
    assert bundle.act("cleanup", "trial").code == 0
    done = bundle.act("cleanup", "trial")
    assert done.code == 0 and "nothing of this submission runs" in done.out
    assert len(bundle.stub.paths("DELETE")) == 1


def test_what_somebody_has_deleted_already_is_no_error(bundle: Bundle) -> None:
    assert bundle.submit("--keep").code == 0
    bundle.stub.things.clear()
    done = bundle.act("cleanup", "trial")
    assert done.code == 0 and done.out.count("so there is nothing to delete") == 3


def test_a_failure_does_not_keep_the_rest_from_being_stopped(bundle: Bundle) -> None:
    assert bundle.submit("--keep").code == 0
    bundle.stub.fail("DELETE", "services", refusal(403, "ModelArts.0204", "no right"))
    done = bundle.act("cleanup", "trial")
    assert done.code == 1 and "403 ModelArts.0204: no right" in done.err
    assert bundle.stub.of_kind("job") == []
    # the service that is left holds its model, and both are told as left
    assert [thing["deleted"] is None for thing in bundle.state["made"]] == [False, True, True]
    assert bundle.act("cleanup", "trial").code == 0 and bundle.stub.things == {}


def test_a_job_whose_answer_got_lost_is_found_by_its_name_and_stopped(bundle: Bundle) -> None:
    assert bundle.submit("--until=train").code == 0
    state = bundle.state
    state["made"][0]["id"] = None
    bundle.state_path.write_text(json.dumps(state))
    similar = {"kind": "job", "name": f"{state['made'][0]['label']}-2", "states": ["Completed"], "body": {}, "looks": 0}
    bundle.stub.things = {"somebody-elses": similar, **bundle.stub.things}
    assert bundle.act("cleanup", "trial").code == 0
    assert list(bundle.stub.things) == ["somebody-elses"]


def test_dry_run_of_cleanup_prints_what_it_would_send(bundle: Bundle) -> None:
    assert bundle.submit("--keep").code == 0
    sent = len(bundle.stub.server.requests)
    planned = json.loads(bundle.act("cleanup", "trial", "--dry-run", "--json").out)["requests"]
    assert [each["method"] for each in planned] == ["PUT", "DELETE", "DELETE", "DELETE"]
    assert len(bundle.stub.server.requests) == sent
    assert bundle.act("cleanup", "trial").code == 0
    stopped = [(each.method, each.path) for each in bundle.stub.server.requests if each.method in ("PUT", "DELETE")]
    assert stopped == [(each["method"], each["url"][len(bundle.stub.server.url) :]) for each in planned]


def test_dry_run_before_the_action_deletes_nothing_either(bundle: Bundle) -> None:
    assert bundle.submit("--keep").code == 0
    done = run_command("submit", "--dry-run", "cleanup", "trial")
    assert done.code == 0 and done.out.splitlines()[-1] == "nothing was sent"
    assert len(bundle.stub.things) == 3 and bundle.act("cleanup", "trial").code == 0


def test_show_tells_what_is_left_and_what_it_costs(bundle: Bundle) -> None:
    assert bundle.submit("--keep").code == 0
    done = bundle.act("show", "trial")
    assert done.code == 0 and "RUNS AND COSTS MONEY until it is stopped:" in done.out
    for thing in bundle.stub.of_kind("service"):
        thing["states"] = ["stopped"]
    done = bundle.act("show", "trial")
    assert "nothing of this submission runs" in done.out and len(bundle.stub.paths("DELETE")) == 0


def test_a_state_elsewhere_is_named_by_its_file(bundle: Bundle) -> None:
    path = bundle.folder / "kept" / "here.json"
    done = bundle.submit("--keep", f"--state={path}")
    assert f"stop and delete it with: modelarts-local submit cleanup --state={path}" in done.out
    assert bundle.act("cleanup", f"--state={path}").code == 0 and bundle.stub.things == {}


def test_a_state_before_the_action_counts_too(bundle: Bundle) -> None:
    path = bundle.folder / "here.json"
    assert bundle.submit("--until=train", f"--state={path}").code == 0
    assert run_command("submit", f"--state={path}", "cleanup").code == 0 and bundle.stub.things == {}


def test_the_state_of_another_submission_is_not_gone_on_with(bundle: Bundle) -> None:
    assert bundle.submit("--until=train").code == 0
    done = bundle.submit("--name=other", f"--state={bundle.state_path}")
    assert done.code == 2 and "is that of trial; give another file, or --name=trial." in done.err


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "trial"}'])
def test_a_state_that_cannot_be_read_is_told_and_not_replaced(bundle: Bundle, content: str) -> None:
    bundle.state_path.parent.mkdir(parents=True)
    bundle.state_path.write_text(content)
    for done in (bundle.submit(), bundle.act("cleanup", "trial")):
        assert done.code == 2 and str(bundle.state_path) in done.err
    assert bundle.state_path.read_text() == content and bundle.stub.server.requests == []
