# Everything is done in .venv beside this file; each target does what it needs first and is quick the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev

FUZZER := .venv-fuzz
EXAMINERS := .venv-security

.PHONY: help install run demo guide test coverage test-odoo lint security fuzz format bench storm lock clean

help: ## what each target does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@PYTHON="$(PYTHON)" sh deploy/make-venv.sh $(VENV)

$(RUN_STAMP): $(BIN)/python requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): $(RUN_STAMP) requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

install: $(RUN_STAMP) ## the environment in .venv, so .venv/bin/leadgate

run: install ## the gateway on its embedded default: http://127.0.0.1:8080, SMTP on 127.0.0.1:2525, data in ./data
	$(BIN)/leadgate run

demo: install ## the same on a temporary folder, with recorded calls, mails and forms arriving
	$(BIN)/leadgate demo

test: $(DEV_STAMP) ## all tests, two files at a time (ARGS="-n 0": one); REQUIRE_PEERS=1 makes a missing real server a failure
	@sh tests/peers/install.sh
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-odoo: $(DEV_STAMP) ## the adapter for Odoo against a real Odoo 19 (as root; the first time 2.5 GB and five minutes)
	@sh tests/peers/install.sh && sh tests/peers/odoo.sh
	LEADGATE_ODOO=1 $(BIN)/python -m pytest tests/integration/crm_adapter/test_real_odoo.py $(ARGS)

faults: $(DEV_STAMP) ## the quick fault tests (they are part of make test): killed, cut, full, locked, twice, and mixed
	@sh tests/peers/install.sh
	$(BIN)/python -m pytest tests/faults tests/acceptance/test_killed_at_random.py -s $(ARGS)

faults-long: $(DEV_STAMP) ## every crash point, 20 power cuts, failover, 30 minutes of everything at once: two hours
	@sh tests/peers/install.sh
	LEADGATE_FAULTS=long $(BIN)/python -m pytest tests/faults tests/acceptance/test_killed_at_random.py -s $(ARGS)

coverage: $(DEV_STAMP) ## the same, slower, with the share of lines that they reach
	@sh tests/peers/install.sh
	$(BIN)/python -m pytest --cov --cov-report=term $(ARGS)

lint: $(DEV_STAMP) ## ruff, mypy --strict, import-linter, and make security
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory security

# The wheel of semgrep holds the whole program; the 45 packages that its Python part asks for would clash with ours. So it
# is unpacked beside the environment, and called under the name by which it does without that part.
$(EXAMINERS)/.installed: $(BIN)/python .semgrep/requirements.lock
	@rm -rf $(EXAMINERS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target $(EXAMINERS) \
	  -r .semgrep/requirements.lock || { rm -rf $(EXAMINERS); \
	  echo "semgrep could not be installed, see above: this needs the network once (70 MB), or PIP_FIND_LINKS with its wheel" >&2; exit 1; }
	@ln -s semgrep/bin/semgrep-core $(EXAMINERS)/osemgrep
	@touch $@

# atheris has wheels for Linux on x86-64 only.
$(FUZZER)/.installed: $(DEV_STAMP) Makefile
	$(BIN)/python -m venv $(FUZZER)
	$(FUZZER)/bin/pip install --quiet --disable-pip-version-check atheris==3.0.0
	@echo "$(CURDIR)/$$(echo $(VENV)/lib/python3*/site-packages)" > $$(echo $(FUZZER)/lib/python3*/site-packages)/leadgate.pth
	@touch $@

security: $(DEV_STAMP) $(EXAMINERS)/.installed ## bandit, and our own semgrep rules (.semgrep) with their tests; part of lint
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml gateway crm_adapter
	$(BIN)/python -m tests.security.prove_rules $(EXAMINERS)/osemgrep
	$(EXAMINERS)/osemgrep scan --experimental --config .semgrep/leadgate.yml --error --quiet --metrics off \
	  --disable-version-check gateway crm_adapter

SECONDS ?= 600
fuzz: $(FUZZER)/.installed ## what strangers' bytes reach, for SECONDS=600; NAMES="mail form" for some of the targets
	$(FUZZER)/bin/python -m tests.fuzz $(SECONDS) $(NAMES)

format: $(DEV_STAMP) ## ruff's formatter and its safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV_STAMP) ## the table of ratios of docs/performance.md
	$(BIN)/python -m benchmarks

storm: $(DEV_STAMP) ## 10,000 deliveries through each CRM adapter with faults: none lost, doubled or out of order
	$(BIN)/python -m tests.contract.storm

guide: $(DEV_STAMP) ## takes the pictures of docs/guide anew, in a Chromium
	@sh tests/peers/install.sh
	$(BIN)/python -m tests.browser.guide

lock: ## resolve the dependencies anew (needs network; commit the result)
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv
	.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" pyproject.toml --extra build -o requirements.lock --upgrade
	.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" -c requirements.lock pyproject.toml --all-extras -o requirements-dev.lock --upgrade
	.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-deps \
	  --no-annotate --custom-compile-command "make lock" .semgrep/requirements.in -o .semgrep/requirements.lock --upgrade

clean: ## remove the environment and caches (not ./data)
	rm -rf $(VENV) .venv-lock $(FUZZER) $(EXAMINERS) .fuzz .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
