# Everything is set up on first use, into .venv, from the lock files. `make` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
COMPILER := $(BIN)/mlflow-overlays
export ENV MLFLOW_PYTHON PIPELINES_SOURCE ARGO_SOURCE

.DEFAULT_GOAL := help
.PHONY: help overlay check secrets test broken-test places-test policy-test security corpus-test upstream-test cloud-test stack-test cluster-test kind-up e2e kind-down fuzz fuzz-validate proofs bench footprint schema docs hooks golden generated lint format types lock clean

.venv/%.done: requirements.lock requirements-test.lock requirements-dev.lock requirements-places.lock pyproject.toml
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
	@$(BIN)/python -m pytest -n auto --dist loadscope
broken-test: .venv/test.done ## Check a broken copy of each reference environment for every code
	@$(BIN)/python -m pytest tests/test_broken.py -m "broken or not broken" -n auto
places-test: .venv/places.done ## Work as people do: pre-commit, a language server of editors, GitHub's and GitLab's steps (needs package registries)
	@$(BIN)/python -m pytest tests/places -m places
policy-test: .venv/test.done secrets ## Run the public tools that the policy answers to: kube-linter, kube-score, checkov and Trivy
	@$(BIN)/python -m pytest tests/policy -m policy
security: .venv/overlay.done ## Ask the public databases of vulnerabilities about every lock file (needs a network)
	@$(BIN)/python scripts/security.py
cloud-test: .venv/test.done ## Try the documents for clouds: AWS CLI, moto, MinIO, and linters of policies, shell and Terraform
	@$(BIN)/python -m pytest tests/cloud -m cloud -n 2
stack-test: .venv/test.done ## Run what is rendered, with real parts: MLflow, databases, object stores (Debian, as root)
	@$(BIN)/python -m pytest tests/stack -m stack -n 3 --dist loadscope --proofs .cache/stack.json
cluster-test: .venv/test.done ## Apply every environment to a real API server
	@$(BIN)/python -m pytest tests/cluster -m cluster -n 2 --dist loadscope --proofs .cache/cluster.json
corpus-test: .venv/test.done ## Compare verdicts with kubeconform over manifests of every kind
	@$(BIN)/python -m pytest tests/corpus -m corpus
upstream-test: .venv/test.done ## Hold the outlines against upstream's manifests: make upstream-test PIPELINES_SOURCE=DIR ARGO_SOURCE=DIR
	@$(BIN)/python -m pytest tests/upstream -m upstream
kind-up: .venv/test.done ## Start a cluster in containers, for e2e
	@$(BIN)/python scripts/kind.py up
e2e: .venv/test.done ## Install, use, upgrade and remove an environment on a whole cluster: make e2e E2E='--kubeconfig FILE --context NAME'
	@$(BIN)/python -m pytest tests/e2e -m e2e $(E2E)
kind-down: .venv/test.done ## Remove the cluster of kind-up
	@$(BIN)/python scripts/kind.py down
fuzz: .venv/test.done ## Try broken environments of every sort, and write docs/fuzzing.md: make fuzz COUNT=20000 SEED=1
	@$(BIN)/python scripts/fuzz.py --seed $(or $(SEED),1) --count $(or $(COUNT),20000) --output docs/fuzzing.md
fuzz-validate: .venv/test.done ## Try hostile manifests and trees of Kustomize in a sandbox, and write docs/fuzzing-validate.md: make fuzz-validate COUNT=10000 SEED=1
	@$(BIN)/python scripts/fuzz_validate.py --seed $(or $(SEED),1) --count $(or $(COUNT),10000) --output docs/fuzzing-validate.md
proofs: .venv/overlay.done ## Write docs/proofs.md from the last stack-test and cluster-test
	@$(BIN)/python scripts/proofs.py .cache/stack.json .cache/cluster.json
bench: .venv/dev.done ## Measure the compiler beside public tools, for docs/bench.md
	@$(BIN)/python scripts/bench.py
footprint: .venv/test.done ## Measure the memory of the pinned MLflow anew, for compiler/footprint.json
	@$(BIN)/python scripts/footprint.py --python "$${MLFLOW_PYTHON:?say which Python has MLflow: make footprint MLFLOW_PYTHON=...}" --output compiler/footprint.json
schema: .venv/overlay.done ## Write the published JSON Schemas of schema/ anew
	@$(BIN)/python scripts/generate.py schema
docs: .venv/overlay.done ## Write the generated pages of docs/ anew
	@$(BIN)/python scripts/generate.py docs
golden: .venv/test.done ## Accept what the tests get as golden files; read the difference before you commit it
	@$(BIN)/python -m pytest --update -q
hooks: .venv/overlay.done ## Write .pre-commit-hooks.yaml and its table anew
	@$(BIN)/python scripts/generate.py hooks
generated: .venv/overlay.done ## Check that every generated file is up to date
	@$(BIN)/python scripts/generate.py --check schema docs hooks
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
