# Every command a person or CI runs. `make` alone prints them. Needs CPython 3.13, make and git, nothing else.

PYTHON ?= $(shell command -v python3.13 || echo python3)
BIN := .venv/bin
VIDEO ?=
# Of samconfig.toml.
ENV ?= default
# Of `make package`.
VERSION ?= $(shell git describe --tags --always)
# What publishes new versions of the functions: the second of the deployment, in ten digits.
RELEASE ?= $(shell date +%s)
# The viewer's page and its tests; their type checker, linter and formatter. Node comes with .venv.
PAGE := functions/publish_viewer/page tests/page
PAGE_TOOLS := scripts/page/node_modules/.package-lock.json
BIOME := scripts/page/node_modules/.bin/biome
TSC := scripts/page/node_modules/.bin/tsc
ARCHITECTURE := $(shell uname -m | sed 's/aarch64/arm64/')
export SAM_CLI_TELEMETRY := 0
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Without byte code kept on disk, each of the many Python processes of a run compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# sam and boto3 read AWS_DEFAULT_REGION alone; AWS's other tools read AWS_REGION first.
REGION := $(or $(AWS_REGION),$(AWS_DEFAULT_REGION))
IN_REGION := $(if $(REGION),--region $(REGION))

.DEFAULT_GOAL := help
.PHONY: help setup browser awscli demo test test-all test-boto checks unit page-test page-types fuzz fuzz-coverage live-chaos load faults hostile lint check-style check-types check-template check-page check-imports format build deploy destroy smoke package local new-function lock checkov generate viewer-screenshot audit sbom clean

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what everything below needs into .venv
	@$(PYTHON) scripts/bootstrap.py

demo: setup ## run the whole pipeline on this machine, on a video (VIDEO=path takes your own; ARGS=--keep)
	@$(BIN)/kinesight demo $(if $(VIDEO),--video "$(VIDEO)") $(ARGS)

local: setup ## the local cloud with the stack deployed, until Ctrl-C
	@$(BIN)/kinesight local up

browser: setup ## a Chromium for the tests that play video, unless there is one
	@scripts/install_browser.sh

awscli: setup ## the AWS CLI for the tests that run it, in an environment of its own
	@$(BIN)/uv sync --quiet --frozen --project scripts/awscli --python $(BIN)/python

# Four processes on two cores, because many tests wait. Their order and distribution: tests/distribution.py.
PYTEST := $(BIN)/pytest -q -n 4 --dist loadfile --no-loadscope-reorder --durations=20

test: setup checks ## every check, and every test but those marked long; 12 minutes at most on two cores
	$(PYTEST) -m "not long"

test-all: setup checks ## every check and every test, properties on all of their examples
	HYPOTHESIS_PROFILE=thorough $(PYTEST)

# The oldest that layers/kinesight/pyproject.toml allows.
BOTO3 ?= 1.43.93
BOTOCORE ?= 1.43.115
test-boto: setup ## contract and on-demand tests on the oldest boto3 that is allowed (BOTO3=1.44.8 BOTOCORE=1.44.8)
	$(BIN)/uv run --frozen --no-sync --with boto3==$(BOTO3) --with botocore==$(BOTOCORE) \
		python -m pytest -q -n 2 --dist loadfile -m "not long" $(or $(ARGS),tests/contract tests/e2e/test_workflow.py)

unit: setup page-test ## the tests of the domain and the media code alone, half a minute at most
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not long" tests/unit

page-test: setup ## the tests of the viewer's page that need no browser
	$(BIN)/node --test --test-isolation=none --test-reporter=dot --disable-warning=MODULE_TYPELESS_PACKAGE_JSON 'tests/page/*.test.js'

page-types: setup ## types of the API's responses that the viewer's page is checked against
	$(BIN)/python -m scripts.page.api_types

$(PAGE_TOOLS): scripts/page/package.json scripts/page/package-lock.json | setup
	$(BIN)/npm ci --prefix scripts/page --no-audit --no-fund --loglevel=error
	@touch $@

fuzz: setup ## the fuzz tests, each with 5,000 examples instead of 25
	HYPOTHESIS_PROFILE=long $(BIN)/pytest -q -n 2 tests/functional/test_kvs_fuzz.py tests/functional/test_kvs_ingest.py

live-chaos: setup ## twenty live streams, consumers killed every few seconds, for three minutes (ARGS='--seed 2')
	$(BIN)/python -m tests.live.chaos $(ARGS)

load: setup ## two hundred cameras through the whole stack, half an hour on two cores (ARGS='--streams 50 --seconds 60')
	$(BIN)/python -m benchmarks.load $(ARGS)

faults: setup ## the stack under faults for ten minutes: nothing lost or duplicated (ARGS='--seed 2 --minutes 3')
	@$(BIN)/python -m tests.faults.run $(ARGS)

hostile: setup ## the stack with hostile data for five minutes: every walk alerts once (ARGS='--seed 2')
	@$(BIN)/python -m tests.hostile.run $(ARGS)

fuzz-coverage: setup ## coverage-guided fuzzing of PutMedia for five minutes (ARGS=-max_total_time=60 for one)
	@$(BIN)/uv sync --quiet --frozen --project scripts/atheris --python $(BIN)/python
	cd scripts/atheris && .venv/bin/python fuzz_put_media.py $(or $(ARGS),-max_total_time=300)

# The longest first: two at a time.
CHECKS := check-types check-template check-style check-page

# One of the three mostly waits for downloads.
checks: setup
	@$(MAKE) --no-print-directory -j 3 check-types check-imports awscli checkov browser $(CHECKS) page-test

# The first import compiles thousands of modules and rewrites the tests' assertions; each of pytest's processes would.
check-imports: setup
	@$(BIN)/pytest --collect-only -q -m "not long" >.check-imports.log 2>&1 || { cat .check-imports.log; exit 1; }

lint: setup ## style, types, import rules, template, page
	@$(MAKE) --no-print-directory -j 2 $(CHECKS)

check-style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache >.lint-imports.log 2>&1 || { cat .lint-imports.log; exit 1; }

check-page: setup $(PAGE_TOOLS)
	$(BIOME) ci --config-path=scripts/page $(PAGE)
	$(TSC) -p scripts/page
	$(TSC) -p scripts/page/tsconfig.tests.json

check-types: setup
	$(BIN)/mypy -n 2

check-template: setup
	$(BIN)/cfn-lint template.yaml examples/*.yaml examples/*/template.yaml
	$(BIN)/sam validate --region us-east-1

format: setup $(PAGE_TOOLS) ## bring the code into the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIOME) check --write --config-path=scripts/page $(PAGE)

# Resources of parameters that are not set are not checked, so those with resources of their own are set.
checkov: setup ## security rules on the template (installs checkov apart, its pins clash with ours)
	@$(BIN)/uv sync --quiet --frozen --project scripts/checkov --python $(BIN)/python
	@mkdir -p .aws-sam && sed -e '/^  ViewerUserEmail:$$/,/Default/s/""/viewer@example.com/' -e '/^  ConsumerCodeBucket:$$/,/Default/s/""/code/' template.yaml > .aws-sam/with_options.yaml
	scripts/checkov/.venv/bin/checkov --skip-download --quiet --compact --framework cloudformation -f .aws-sam/with_options.yaml

# pip checks the digests of the layers' requirements. For another processor than this machine's, sam repeats the download
# without them, unless the first one was for that processor.
PROCESSOR := $(if $(shell grep -s 'Architecture=.\{0,2\}x86_64' samconfig.toml),x86_64,aarch64)
WHEELS := PIP_ONLY_BINARY=:all: PIP_IMPLEMENTATION=cp PIP_PYTHON_VERSION=3.13 PIP_PLATFORM="manylinux2014_$(PROCESSOR) manylinux_2_17_$(PROCESSOR) manylinux_2_28_$(PROCESSOR)"
build: setup ## build functions and layers for deployment (ENV=staging, of samconfig.toml)
	$(WHEELS) $(BIN)/sam build --config-env $(ENV)
	$(BIN)/python scripts/finish_build.py --release $(RELEASE)

# Options with which sam may deploy to another stack than that of samconfig.toml, which kinesight.yaml is for.
ELSEWHERE := $(filter --guided -g --stack-name% --region% --profile% --config-%,$(ARGS))
deploy: build ## deploy what `kinesight init` wrote (ENV=staging|prod; ARGS=... goes to sam deploy, such as --guided)
	$(BIN)/sam deploy --config-env $(ENV) $(IN_REGION) $(ARGS)
	@if [ ! -f kinesight.yaml ]; then :; \
	elif [ -z "$(ELSEWHERE)" ]; then $(BIN)/kinesight config put kinesight.yaml --if-none --environment $(ENV) $(IN_REGION); \
	else echo "kinesight.yaml is not stored in this stack: kinesight config put kinesight.yaml --stack NAME"; fi

destroy: setup ## delete the deployed stack (ENV=...; PURGE=1 also deletes the images and the evidence)
	@$(BIN)/kinesight destroy --environment $(ENV) $(IN_REGION) $(if $(filter 1,$(PURGE)),--delete-data) $(ARGS)

smoke: build ## deploy a stack of its own to the account, verify it, and delete it with its data (CAPTURE=file)
	@scripts/smoke.sh $(CAPTURE)

package: setup ## the files of a release, in dist/ (VERSION=v1.2.3; SOURCE_URL=where its sources can be read)
	$(BIN)/python -m scripts.package_release $(VERSION) --source-url "$(SOURCE_URL)"

viewer-screenshot: setup browser ## the README's screenshot of the viewer, from a run of the demo
	$(BIN)/python -m scripts.viewer_screenshot

audit: setup ## known vulnerabilities of every locked package, from osv.dev
	$(BIN)/uv audit --frozen --preview-features audit-command

sbom: setup ## what the layers deploy, as CycloneDX: sbom/layers.cdx.json
	@mkdir -p sbom
	$(BIN)/uv export --quiet --frozen --no-default-groups --package kinesight --group aws-sdk --group imaging --group media --format cyclonedx1.5 -o sbom/layers.cdx.json

generate: setup ## alarms and dashboard of template.yaml, tables of docs/operations.md (ARGS=--check only compares)
	$(BIN)/python -m scripts.operations.generate $(ARGS)

new-function: setup ## scaffold a function that a schedule runs (NAME=prune_clips ROOM=sessions SECTION=sessions)
	@$(BIN)/python -m scripts.new_function --name "$(NAME)" --room "$(ROOM)" --section "$(SECTION)"
	@$(BIN)/ruff check --quiet --fix . && $(BIN)/ruff format --quiet .

lock: setup ## renew the lock file and the layers' requirements
	$(BIN)/uv lock --upgrade
	UV=$(BIN)/uv scripts/export_requirements.sh

clean: ## remove what was built, keep .venv
	rm -rf .aws-sam .kinesight demo-report .pytest_cache .mypy_cache .ruff_cache .hypothesis
