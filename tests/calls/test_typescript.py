"""The TypeScript client's types are those of the served document."""

from __future__ import annotations

from server import resources
from server.calls.openrpc import Document
from server.calls.typescript import typescript
from tests.conftest import ROOT

GENERATED = ROOT / "clients" / "typescript" / "src" / "generated.ts"


def test_they_are_generated_from_it_and_up_to_date() -> None:
    said = typescript(Document(resources.registry()).body)
    assert GENERATED.read_text() == said, "Run `npm run generate` in clients/typescript."
