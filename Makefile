# Needs python3 (3.11 or later), git and make; everything else is installed into the checkout.
# PYTHON=python3.13 make … chooses another interpreter.

PYTHON ?= python3
STACK ?= timus-autotask
SAM := .tools/sam/bin/sam
SAM_VERSION := 1.170.0
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo console local test test-unit simulation small-worlds ablations peers mutation screenshots crowds bench processes check format build deploy lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.installed .tools/emulator/.installed  ## install .venv with the timus-autotask command, and the AWS emulator

demo: setup  ## run the whole product on this machine with two sample clients, and give a verdict
	.venv/bin/timus-autotask demo

console: setup  ## the same, and then the console in a browser on these clients, until Ctrl-C
	.venv/bin/timus-autotask demo --console

local: setup  ## run the whole product on this machine until Ctrl-C
	.venv/bin/timus-autotask local

# The tests of a file stay together, and those of tests/e2e, which share a stack.
WORKERS ?= 2

test: setup  ## run the whole test suite, in WORKERS=2 processes
	.venv/bin/pytest -n $(WORKERS) --dist loadgroup

test-unit: .venv/.installed  ## run the quick tests of the package, the fakes, the simulator and the bounds, without sockets; not the simulation
	.venv/bin/pytest tests/unit tests/contract tests/simulator tests/bench -m "not loopback and not emulator and not sam and not slow"

simulation: .venv/.installed  ## run 20,000 schedules of each of six profiles with seeded faults; writes docs/exactness.md: two hours of two cores
	.venv/bin/python -m tests.simulation --profile stress policies seats replaced mild calm --schedules 20000 --write

small-worlds: .venv/.installed  ## run six small worlds under every fault and every pair of faults; writes docs/exactness.md: an hour of one core
	.venv/bin/python -m tests.simulation.small_worlds --write

ablations: .venv/.installed  ## take one rule at a time out of the protocol; writes docs/exactness.md: half an hour of one core
	.venv/bin/python -m tests.simulation.ablations --write

peers: .venv/.installed  ## run simpler designs under the same faults; writes docs/exactness.md: ten minutes
	.venv/bin/python -m tests.simulation.peers --write

mutation: .venv/.installed .tools/mutation/.installed  ## test the tests of the deciding code with mutants; writes docs/exactness-mutation.md: half an hour
	.venv/bin/python -m tests.mutation

screenshots: .venv/.installed  ## take the pictures of the console in docs/console again, in Chromium
	SCREENSHOTS=1 CHROMIUM_REQUIRED=1 .venv/bin/pytest -q tests/browser/test_pictures.py

crowds: .venv/.installed  ## run much of one thing through the product (1,000 subscriptions, 10,000 versions …); writes docs/crowds.md: half an hour
	.venv/bin/python -m tests.crowds --write

bench: setup  ## measure the product beside a straightforward version: calls, units, dollars, instructions; writes docs/performance.md: ten minutes
	.venv/bin/python -m tests.bench --write

processes: setup  ## kill worker processes in 200 rounds; writes docs/exactness-processes.md: half an hour
	.venv/bin/python -m tests.processes --rounds 200 --report

check: .venv/.installed .tools/sam/.$(SAM_VERSION)  ## check lint, format, types, complexity and the template
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/python -m tests.complexity
	.venv/bin/cfn-lint template.yaml
	$(SAM) validate --lint

format: .venv/.installed  ## format the code and fix what ruff can fix
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

build: .venv/.installed .tools/sam/.$(SAM_VERSION)  ## build what `sam deploy` uploads, into .aws-sam (no Docker needed)
	RUNTIME_PYTHON="$$(.venv/bin/python -m local.bytecode interpreter)" $(SAM) build
	@.venv/bin/python -m local.bytecode report

# TIME_ZONE=…, ALARM_EMAIL=…, EXISTING_TABLE=…, PARAMETERS="Name=value …" set parameters of the stack; BYTECODE=none deploys without bytecode.
# What stands here sets parameters; what a shell merely exports may be another stack's. It is refused where it differs, and of a new stack in a
# terminal it is named and left out.
# The zone of a stack, or of a table that is taken up, moves only when a person in a terminal types the new one.
deploy: .venv/.installed .tools/sam/.$(SAM_VERSION)  ## build and deploy STACK=… to the AWS account of the environment
	@.venv/bin/python -m local.deploy "$(STACK)" --said "$(SAID)"

# Which variables stand on the command line: asked before each is set anew, as it was typed, without what make would read into a $.
override TOLD := TIME_ZONE ALARM_EMAIL EXISTING_TABLE PARAMETERS
override SAID := $(strip $(foreach name,$(TOLD),$(if $(findstring command,$(origin $(name))),$(name))))
define as-typed
ifneq ($$(origin $(1)),undefined)
override $(1) := $$(value $(1))
export $(1)
endif
endef
$(foreach name,$(TOLD),$(eval $(call as-typed,$(name))))

# Run it with the oldest Python that we support: what serves 3.11 serves the later ones too.
lock:  ## write the lock files again, with the newest versions that pyproject.toml and requirements.txt allow
	rm -rf .tools/lock
	$(PYTHON) -m venv .tools/lock
	.tools/lock/bin/python -m pip install -qq --upgrade pip
	.tools/lock/bin/python -m pip install -qq -r layers/core/requirements.txt
	{ sed -n '/^#/p' layers/core/requirements.lock; .tools/lock/bin/python -m pip freeze; } > .tools/lock/core
	.tools/lock/bin/python -m pip install -qq --group dev ".[cli]"
	{ sed -n '/^[#-]/p' requirements-dev.lock; .tools/lock/bin/python -m pip freeze --all --exclude pip \
	  --exclude timus-autotask | grep -vxFf .tools/lock/core; } > .tools/lock/dev
	mv .tools/lock/core layers/core/requirements.lock
	mv .tools/lock/dev requirements-dev.lock

clean:  ## remove everything that was built or installed here
	rm -rf .venv .tools .aws-sam .run .hypothesis .mypy_cache .ruff_cache .pytest_cache layers/core/*.egg-info *.egg-info

# --- what the above stand on ------------------------------------------------------------------------------------------
# The stamp is newer than the lock it was installed from, so a second run does nothing.

.venv/.installed: requirements-dev.lock layers/core/requirements.lock layers/core/requirements.txt pyproject.toml
	@$(require-python)
	@echo "installing the project into .venv"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install -qq -r requirements-dev.lock
	@.venv/bin/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

# The emulator has its own interpreter: its botocore is another than ours. The wheel of ministack is held to its hash.
.tools/emulator/.installed: local/emulator.lock local/ministack.lock
	@$(require-python)
	@echo "installing the AWS emulator into .tools/emulator"
	@$(PYTHON) -m venv .tools/emulator
	@.tools/emulator/bin/python -m pip install -qq -r local/emulator.lock
	@.tools/emulator/bin/python -m pip install -qq --no-deps --require-hashes -r local/ministack.lock
	@touch $@

# Mutmut runs the tests in its own process, so its interpreter has what .venv has, and the tool.
.tools/mutation/.installed: tests/mutation/mutmut.lock requirements-dev.lock layers/core/requirements.lock
	@$(require-python)
	@echo "installing mutmut into .tools/mutation"
	@$(PYTHON) -m venv .tools/mutation
	@.tools/mutation/bin/python -m pip install -qq -r requirements-dev.lock -r tests/mutation/mutmut.lock
	@touch $@

# 340 MB, and needed for `check`, `build` and `deploy` only. The stamp carries the version: another one installs again.
.tools/sam/.$(SAM_VERSION):
	@$(require-python)
	@echo "installing the SAM CLI into .tools/sam"
	@$(PYTHON) -m venv .tools/sam
	@.tools/sam/bin/python -m pip install -qq aws-sam-cli==$(SAM_VERSION)
	@touch $@

define require-python
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
  echo "Python 3.11 or later is needed as $(PYTHON); choose another one with: make PYTHON=/path/to/python3.13 …" >&2; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
  echo "$(PYTHON) lacks the venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
endef
