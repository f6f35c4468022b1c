"""`python -m server` is `victoryvault`."""

from server.cli import run

run()
