# Everything is set up on first use, into .venv, from the lock files. `make` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
COMPILER := $(BIN)/mlflow-overlays
export ENV

.DEFAULT_GOAL := help
.PHONY: help overlay check secrets test schema docs golden generated lint format types lock clean

.venv/%.done: requirements.lock requirements-test.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) scripts/setup.py $*

help: ## List the targets
	@$(PYTHON) scripts/targets.py Makefile
overlay: .venv/overlay.done ## Compile, prove and write an overlay: make overlay ENV=prod
	@$(COMPILER) compile -- "$${ENV:?say which environment: make overlay ENV=prod}"
check: .venv/overlay.done ## Prove every environment, and that its files are up to date
	@$(COMPILER) compile --check
secrets: .venv/overlay.done ## Create the files of generated Secrets that are not there yet
	@$(COMPILER) secrets
test: .venv/test.done secrets ## Run the tests
	@$(BIN)/python -m pytest
schema: .venv/overlay.done ## Write schema/environment.schema.json anew
	@$(BIN)/python scripts/generate.py schema
docs: .venv/overlay.done ## Write the generated pages of docs/ anew
	@$(BIN)/python scripts/generate.py docs
golden: .venv/test.done ## Accept what the tests get as golden files; read the difference before you commit it
	@$(BIN)/python -m pytest --update -q
generated: .venv/overlay.done ## Check that every generated file is up to date
	@$(BIN)/python scripts/generate.py --check schema docs
lint: .venv/dev.done ## Check style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/yamllint --strict .
format: .venv/dev.done ## Put the code into the project's style
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
types: .venv/dev.done ## Check types
	@$(BIN)/mypy
lock: ## Resolve the dependencies anew, into the lock files (needs uv)
	@$(PYTHON) scripts/lock.py
clean: ## Remove what setup and tests left behind
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
