"""The demo's steps, each a run of the real programs: pack, push, train, serve, predict."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator, NamedTuple

from demo.drawing import draw_data_set
from demo.endpoint import s3_endpoint
from demo.programs import running

ROOT = Path(__file__).resolve().parent.parent
IMAGES_PER_KIND = 120
SEED = 0
OUTPUT = "out"  # folder of the bucket in which each job has its V000N
STEPS = ("draw", "pack", "push", "train", "serve", "predict")
_VALIDATION = re.compile(r"Epoch\[(\d+)\] Validation-accuracy=([\d.]+)")
_SERVING = re.compile(r"serving .* on (http://\S+)")
# Line breaks of indented JSON inside a list in a list; those of strings are escaped
_INNER_BREAKS = re.compile(r"(?<=\[)\n {6}|(?<=,)\n {5}|\n {4}(?=\])")


class Preset(NamedTuple):
    """How to train. resize: short edge of the records, pixels."""

    resize: int
    flags: dict[str, str]


# Drawn objects: small enough for eight epochs in a minute on two cores
DRAWN = Preset(56, {"num_layers": "18", "image_size": "40", "batch_size": "32", "lr": "0.08", "num_epochs": "8"})
# Real pictures: about a minute an epoch on two cores for all of Caltech-101
REAL = Preset(128, {"num_layers": "18", "image_size": "96", "batch_size": "64", "lr": "0.1", "num_epochs": "8"})


class StepFailed(Exception):
    """A program of the demo failed; the message holds the end of what it said."""


class Walk:
    """One run of the demo.

    folder: everything is written here; images: folder or archive, None to draw; epochs: None for the preset's; keeps:
    the folder stays, so that what the job has left in the bucket is fetched into it.
    """

    def __init__(self, folder: Path, images: Path | None, epochs: int | None, bucket: str, keeps: bool = False) -> None:
        self._folder = folder
        self._images = images
        self._preset = DRAWN if images is None else REAL
        self._epochs = epochs or int(self._preset.flags["num_epochs"])
        self._bucket = f"s3://{bucket}"
        self._keeps = keeps
        self._steps = STEPS if images is None else STEPS[1:]

    def run(self) -> None:
        """Walk through all steps. Raises StepFailed, EndpointFailed."""
        started = time.monotonic()
        images = self._draw() if self._images is None else self._images
        self._pack(images)
        with s3_endpoint(self._folder) as endpoint:
            os.environ.update(endpoint.environment)  # for the programs started from here
            print(f"      storage: {endpoint.name}", flush=True)
            self._push()
            self._train()
            with self._service() as url:
                self._predict(url)
            if self._keeps:
                self._run("obs_layout", "pull", f"{self._bucket}/{OUTPUT}/V0001/", str(self._folder / "V0001"))
        print(f"done in {time.monotonic() - started:.0f} s")
        self._print_kept()
        self._print_next()

    def _draw(self) -> Path:
        images = self._folder / "images"
        with self._step("draw") as done:
            count = draw_data_set(images, IMAGES_PER_KIND, SEED)
            done.append(f"{count:,} pictures of ten kinds of objects")
        return images

    def _pack(self, images: Path) -> None:
        with self._step("pack") as done:
            summary = json.loads(
                self._run(
                    "obs_layout",
                    "pack",
                    str(images),
                    str(self._folder / "mxnet_format"),
                    f"--resize={self._preset.resize}",
                    "--json",
                )
            )
            done.append(
                "{images:,} images of {classes} classes to RecordIO: {train:,} to train, {val:,} to validate".format(
                    **summary
                )
            )

    def _push(self) -> None:
        with self._step("push") as done:
            data = str(self._folder / "mxnet_format")
            self._run("obs_layout", "push", data, f"{self._bucket}/mxnet_format/", "--create-bucket")
            self._run("obs_layout", "push", str(ROOT / "codes"), f"{self._bucket}/codes/")
            done.append(f"data and codes/ to {self._bucket}")

    def _train(self) -> None:
        """Run a managed job: code, data and results in the bucket, a version folder for what comes of it."""
        with self._step("train") as done:
            parameters = dict(
                self._preset.flags,
                num_epochs=str(self._epochs),
                lr_step=self._lr_steps(),
                recipe="gentle",
                disp_batches="10",
                save_frequency=str(self._epochs),
            )
            log = self._follow_training(
                f"--code-dir={self._bucket}/codes/",
                "--boot-file=codes/train_caltech.py",
                f"--data-url={self._bucket}/mxnet_format/",
                f"--train-url={self._bucket}/{OUTPUT}/",
                f"--jobs-dir={self._folder / 'jobs'}",
                *(f"--param={name}={value}" for name, value in parameters.items()),
            )
            best = re.search(r"best epoch is .*", log)
            done.append(best.group(0) if best else "no validation was logged")

    def _lr_steps(self) -> str:
        """Lower the learning rate after 70 % and 90 % of the epochs."""
        return ",".join(str(max(1, round(self._epochs * share))) for share in (0.7, 0.9))

    def _follow_training(self, *flags: str) -> str:
        """Run the training, show one line an epoch, return its log."""
        lines = []
        started = time.monotonic()
        command = [sys.executable, "-m", "modelarts_local", "train", *flags]
        with running(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as job:
            assert job.stdout is not None
            for line in job.stdout:
                lines.append(line)
                epoch = _VALIDATION.search(line)
                if epoch:
                    finished = int(epoch.group(1)) + 1
                    to_come_s = (time.monotonic() - started) / finished * (self._epochs - finished)
                    print(
                        f"      epoch {finished} of {self._epochs}: validation accuracy {float(epoch.group(2)):.3f},"
                        f" {to_come_s:.0f} s to go",
                        flush=True,
                    )
            exit_code = job.wait()
        log = "".join(lines)
        (self._folder / "train.log").write_text(log, encoding="utf-8")
        if exit_code != 0:
            raise StepFailed(f"the training ended with exit code {exit_code}:\n{log[-2000:]}")
        return log

    @contextlib.contextmanager
    def _service(self) -> Iterator[str]:
        """Yield the URL of the service; it runs until the block ends."""
        log_path = self._folder / "service.log"
        command = [sys.executable, "-m", "modelarts_local", "serve", f"{self._bucket}/{OUTPUT}/V0001/", "--port=0"]
        with open(log_path, "w", encoding="utf-8") as log, running(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log
        ) as service:
            with self._step("serve") as done:
                assert service.stdout is not None
                url = next(filter(None, map(_SERVING.search, service.stdout)), None)
                if url is None:
                    raise StepFailed(f"the service did not start:\n{log_path.read_text(encoding='utf-8')[-2000:]}")
                done.append(f"{self._bucket}/{OUTPUT}/V0001/model on {url.group(1)}")
            yield url.group(1)

    def _predict(self, url: str) -> None:
        picture, truth = self._validation_picture()
        with self._step("predict") as done:
            answer = json.loads(self._run("modelarts_local", "predict", str(picture), f"--url={url}", "--json"))
            is_right = answer["answer"]["predicted_label"] == truth
            seen_as = "" if is_right else "; a network of a few epochs is wrong now and then, as here"
            done.append(f"a validation picture of: {truth}{seen_as}")
        print(_INNER_BREAKS.sub("", json.dumps(answer["answer"], ensure_ascii=False, indent=2)))  # one score a line

    def _validation_picture(self) -> tuple[Path, str]:
        """Write one picture that the training has not seen to a file; returns it and its class."""
        from mxnet_support.recordio import RecordReader, unpack

        data = self._folder / "mxnet_format"
        labels = (data / "synset.txt").read_text(encoding="utf-8").split("\n")
        with RecordReader(next(data.glob("*val*.rec"))) as records:
            header, content = unpack(next(iter(records)).payload)
        assert isinstance(header.label, float)
        picture = self._folder / "picture.jpg"
        picture.write_bytes(content)
        return picture, labels[int(header.label)]

    def _run(self, module: str, *arguments: str) -> str:
        """Run one of our commands; returns its standard output."""
        result = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        if result.returncode != 0:
            raise StepFailed(
                f"{module} {arguments[0]} ended with exit code {result.returncode}:\n{result.stderr[-2000:]}"
            )
        return result.stdout

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[list[str]]:
        """Print one line with the step's number and time; the block appends what it has done. name: one of STEPS."""
        number = self._steps.index(name) + 1
        started = time.monotonic()
        done: list[str] = []
        yield done
        print(
            f"{number}/{len(self._steps)}  {name:8}{time.monotonic() - started:6.1f} s  {''.join(done)}",
            flush=True,
        )

    def _print_kept(self) -> None:
        if self._keeps:
            print(f"V0001/model/, V0001/report/index.html, data and logs are in {self._folder}")
        else:
            print(
                "Nothing was kept; make demo KEEP=demo-out keeps the model, and the report of the training to look at."
            )

    def _print_next(self) -> None:
        if self._images is None:
            print(
                "The same with the real Caltech-101 (folder, .tar or .zip), about a minute an epoch on two cores:\n"
                "  make demo IMAGES=path/to/101_ObjectCategories\n  make demo IMAGES=path/to/101_ObjectCategories.tar"
            )
