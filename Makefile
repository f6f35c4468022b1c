# Every command of this project. Each is one plain line; README shows the same without make.
PORT ?= 8080
HOST ?= 127.0.0.1
PYTHON ?= python3
BIN := .venv/bin

.PHONY: dev serve test check bench lock

dev: .venv/ready
	@$(BIN)/victoryvault dev --host $(HOST) --port $(PORT)

serve: .venv/ready
	@$(BIN)/victoryvault serve --host $(HOST) --port $(PORT)

test: .venv/ready-dev
	$(BIN)/pytest

check: .venv/ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready-dev
	$(BIN)/python -m bench

lock:
	uv export --quiet --all-extras --no-emit-project --no-header --format requirements.txt > requirements.lock

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "VictoryVault needs Python 3.11 or newer; name one with make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "This Python has no venv module (on Debian: apt install python3-venv)."; exit 1; }
