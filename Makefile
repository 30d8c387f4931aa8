# The Python to use: 3.10 has the base stack, 3.11 to 3.13 have the modern one (glibc 2.39 or later).
PYTHON ?= 3.10
# What `make run` does after the environment is there.
RUN ?= run --ask "To be, or not to be"

BIN := .venv/bin
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help environment run test lint format clean

help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

environment:  ## Make .venv hold what uv.lock says (PYTHON=3.13 for the modern stack)
	@.ci/environment $(PYTHON)

run: environment  ## Train the sample model, serve it, and ask it something
	@$(BIN)/lexmill $(RUN)

test: lint  ## Check format, lint and types, and run the tests: everything that CI runs
	@echo "pytest"
	@$(BIN)/pytest --numprocesses $$(nproc) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: environment  ## Check format, lint and types
	@echo "ruff check"
	@$(BIN)/ruff check --quiet .
	@echo "ruff format --check"
	@$(BIN)/ruff format --quiet --check .
	@echo "mypy"
	@$(BIN)/mypy --no-error-summary --python-version $(PYTHON)

format: environment  ## Rewrite the code in the project's format, and fix what ruff can fix
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

clean:  ## Remove the environment and the caches; runs and models stay
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis
