# make chat: install into .venv and run the chat, building the index first.   make test: install and pass all tests.
VENV := .venv
PYTHON ?= python3
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
# PyTorch's own index of CPU builds, so that no CUDA packages of several gigabytes are downloaded. It is needed for this one package;
# where it cannot be reached, pip says so and takes the build of the usual index.
TORCH := $(PIP) install --quiet --no-deps --retries 1 --timeout 20 --extra-index-url https://download.pytorch.org/whl/cpu

.PHONY: chat test build evaluate clean

chat: $(VENV)/.installed build
	$(VENV)/bin/ntqa serve

build: $(VENV)/.installed
	$(VENV)/bin/ntqa build

test: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/ntqa check
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || $(PY) -m playwright install chromium
	$(PY) -m pytest

evaluate: $(VENV)/.installed build
	$(VENV)/bin/ntqa evaluate --misses

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(TORCH) --constraint constraints.txt torch
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) index/current.json index/editions index/models
