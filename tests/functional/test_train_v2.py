"""A v2 job: folders in place of URLs, hooks, outputs that are uploaded, restarts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training_jobs import Places, new_places

COUNTING = """\
import os, sys
folder = sys.argv[2].partition('=')[2]
found = sorted(os.listdir(folder))
print('found', found)
open(os.path.join(folder, 'part%d' % len(found)), 'w').close()
sys.exit('not yet' if len(found) < 2 else 0)
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return new_places(tmp_path)


def test_the_program_gets_folders_and_what_it_leaves_in_one_is_uploaded(places: Places) -> None:
    places.write(
        "import os, sys\n"
        "data, train = (word.partition('=')[2] for word in sys.argv[1:3])\n"
        "print(sys.argv[1:], os.getcwd(), os.environ['GREETING'])\n"
        "os.mkdir(train + '/model')\n"
        "with open(data + '/a.txt') as source, open(train + '/model/b.txt', 'w') as target:\n"
        "    target.write(source.read() * 2)\n"
    )
    run = places.run("--contract=v2", "--env=GREETING=hello", "--param=num_epochs=3")
    mount = run.job.folder / "work" / "modelarts"
    arguments = [f"--data_url={mount}/inputs/data_url_0", f"--train_url={mount}/outputs/train_url_0", "--num_epochs=3"]
    assert run.printed == [f"{arguments} {mount}/user-job-dir hello"]
    assert (places.out / "model" / "b.txt").read_text() == "oneone"
    assert run.job.log.name == f"modelarts-job-{run.job.id[3:]}-worker-0.log"
    assert (run.record["phase"], run.record["version"], run.record["output"]) == ("Completed", None, f"{places.out}/")


def test_outputs_of_a_program_that_fails_are_uploaded_too(places: Places) -> None:
    places.write("import sys; open(sys.argv[2].partition('=')[2] + '/kept', 'w').close(); sys.exit(5)")
    run = places.run("--contract=v2")
    assert (run.record["status"], run.record["exit_code"]) == ("FAILED", 5)
    assert (places.out / "kept").exists()


def test_a_job_is_restarted_with_what_it_has_left(places: Places) -> None:
    run = places.write(COUNTING).run("--contract=v2", "--retries=3")
    assert [line for line in run.printed if line.startswith("found")] == [
        "found []",
        "found ['part0']",
        "found ['part0', 'part1']",
    ]
    assert (run.record["status"], run.record["attempts"]) == ("COMPLETED", 3)
    assert sorted(path.name for path in places.out.iterdir()) == ["part0", "part1", "part2"]


def test_a_job_that_goes_on_failing_ends_after_its_restarts(places: Places) -> None:
    run = places.write(COUNTING).run("--contract=v2", "--retries=1")
    assert (run.record["status"], run.record["attempts"]) == ("FAILED", 2)
    assert run.record["reason"] == "the program ended with exit code 1. It told no error; it last said: not yet"


def test_outputs_are_fetched_back_only_when_that_is_asked_for(places: Places) -> None:
    places.write(COUNTING)
    places.out.mkdir()
    (places.out / "part0").touch()
    assert places.run("--contract=v2").printed[0] == "found []"
    assert places.run("--contract=v2", "--predownload").printed[0] == "found ['part0']"


def test_the_hook_beside_the_boot_file_runs_first(places: Places) -> None:
    (places.code / "ma-pre-start.sh").write_text("echo hook $VC_TASK_INDEX in $(basename $PWD)")
    run = places.write("print('program')").run("--contract=v2")
    assert run.printed == ["hook 0 in codes", "program"]
    assert places.run().printed == ["program"], "a v1 job has no hooks"


def test_a_hook_that_fails_fails_the_job(places: Places) -> None:
    (places.code / "ma-pre-start.py").write_text("raise OSError('no driver')")
    run = places.write("print('program')").run("--contract=v2")
    assert run.record["reason"] == "ma-pre-start.py failed: OSError: no driver (exit code 1)"
    assert (run.record["status"], "program" in run.printed) == ("FAILED", False)
