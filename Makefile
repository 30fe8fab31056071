SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install app test lint bench clean

BIN := .venv/bin
PYTHON ?=
export PYTHON
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

install: .venv/test.stamp ## put all that the other targets need into .venv

app: .venv/app.stamp ## open the playground in a browser
	@exec $(BIN)/python -m streamlit run app.py

test: .venv/test.stamp ## style, types and all tests, in a real browser too
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m tests.browser.find_chromium
	$(BIN)/python -m pytest -m "not browser" -n 2 --dist loadfile
	$(BIN)/python -m pytest tests/browser -m browser

lint: .venv/test.stamp ## style and types alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy .

bench: .venv/test.stamp ## measure speed, each figure beside a reference
	@for file in tests/bench/bench_*.py; do module=$${file%.py}; $(BIN)/python -m "$${module//\//.}"; done

clean: ## remove .venv, caches and builds
	rm -rf .venv build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than what it installed from, so nothing is installed twice.
.venv/app.stamp: requirements.txt pyproject.toml setup.py
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { python=$$(sh .ci/find_python.sh) && "$$python" -m venv --clear .venv; }
	$(BIN)/python -m pip install -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test.stamp: .venv/app.stamp requirements-dev.txt
	$(BIN)/python -m pip install -r requirements-dev.txt
	@touch $@
