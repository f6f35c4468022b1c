# Every command of this project, each one plain line: README shows the same for who has no make.
PORT ?= 8080
HOST ?= 127.0.0.1
DATA ?=
PYTHON ?= python3
BIN := .venv/bin
IS_NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
CHECK_VENV = @$(BIN)/python $(IS_NEW_ENOUGH) || { \
	echo "The Python of .venv is older than 3.11; delete that folder, and run make again"; exit 1; }
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: dev serve test check bench peers figures docs types clients browsers contract lock

dev: .venv/ready
	@$(BIN)/victoryvault dev --host $(HOST) --port $(PORT) $(if $(DATA),--data "$(DATA)")

serve: .venv/ready
	@$(BIN)/victoryvault serve --host $(HOST) --port $(PORT)

test: .venv/ready-dev
	$(BIN)/pytest -n 4 --dist loadfile -m "not timing" --ignore tests/transcripts --ignore tests/interoperability
	$(BIN)/pytest -m timing

check: .venv/ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy clients/python/tests
	cd clients/python && ../../$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pip check --disable-pip-version-check

bench: .venv/ready-dev
	$(BIN)/python -m bench all

peers: .venv/ready-dev
	$(BIN)/python -m bench peers

figures: .venv/ready-dev
	@new=$$(mktemp) && echo "# Figures" > $$new && echo >> $$new && echo "As \`make figures\` printed them." >> $$new \
		&& echo >> $$new && $(BIN)/python -m bench all >> $$new && $(BIN)/python -m bench peers >> $$new \
		&& cat $$new > docs/figures.md && rm $$new

docs: .venv/ready-dev
	$(BIN)/python -m server.settings > docs/settings.md

types: .venv/ready
	$(BIN)/victoryvault openrpc > docs/openrpc.json
	$(BIN)/victoryvault client typescript > clients/typescript/src/generated.ts
	$(BIN)/victoryvault client python > clients/python/src/victoryvault_client/generated.py
	$(BIN)/python clients/godot/methods.py < docs/openrpc.json > clients/godot/addons/victoryvault/methods.gd

clients: .venv/ready-dev
	cd clients/typescript && npm ci --no-fund --no-audit && npm test
	cd clients/godot/tests/browser && npm ci --no-fund --no-audit
	$(BIN)/pytest -n 4 --dist loadfile clients/python/tests clients/godot/tests tests/transcripts tests/interoperability

contract: .venv/ready
	cd tests/openrpc && npm ci --no-fund --no-audit && npm test

browsers: .venv/ready
	cd tests/browsers && npm ci --no-fund --no-audit && npm test

lock:
	uv export --quiet --no-emit-project --no-header > requirements.lock
	uv export --quiet --no-emit-project --no-header --all-extras > requirements-dev.lock

.venv/bin/python:
	@test -w . || { echo "You may not write in $(CURDIR); work in a copy of your own"; exit 1; }
	@$(PYTHON) $(IS_NEW_ENOUGH) || { \
		echo "VictoryVault needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "This Python cannot make environments; on Debian: apt install python3-venv"; exit 1; }

.venv/ready: requirements.lock pyproject.toml | .venv/bin/python
	$(CHECK_VENV)
	@echo "Installing into .venv, once ..."
	@$(INSTALL) --no-deps --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps -e .
	@touch $@

.venv/ready-dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(CHECK_VENV)
	@echo "Installing into .venv, once ..."
	@$(INSTALL) --no-deps --require-hashes -r requirements-dev.lock
	@$(INSTALL) --no-deps -e . -e clients/python
	@touch $@
