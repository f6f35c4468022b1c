"""Pages and what they load: from memory, asked for again each time, and from nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from server.pages.assets import MEDIA_TYPES, STATIC

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Running

PAGES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.*"))


@pytest.fixture
async def http(server: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("name", PAGES)
async def test_each_file_is_served_with_its_media_type(http: httpx.AsyncClient, name: str) -> None:
    response = await http.get(f"/static/{name}")
    assert response.status_code == 200
    assert response.content == (STATIC / name).read_bytes()
    assert response.headers["content-type"] == MEDIA_TYPES[(STATIC / name).suffix]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-cache"


async def test_the_client_is_a_module_of_this_server(http: httpx.AsyncClient) -> None:
    response = await http.get("/client.js")
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.content == (STATIC / "client.js").read_bytes()


@pytest.mark.parametrize("had", ["{}", "W/{}", '"other", {}', "*"])
async def test_a_copy_that_is_still_right_is_not_sent_again(
    http: httpx.AsyncClient, had: str
) -> None:
    first = await http.get("/client.js")
    headers = {"If-None-Match": had.format(first.headers["etag"])}
    again = await http.get("/client.js", headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/client.js", "/docs", "/openrpc.json", "/asyncapi.json"])
async def test_what_takes_gzip_is_sent_it(http: httpx.AsyncClient, path: str) -> None:
    plain = await http.get(path, headers={"Accept-Encoding": "identity"})
    packed = await http.get(path, headers={"Accept-Encoding": "br, gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content) * 0.6
    assert packed.headers["etag"] != plain.headers["etag"]
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"


async def test_a_copy_of_something_else_is_replaced(http: httpx.AsyncClient) -> None:
    response = await http.get("/client.js", headers={"If-None-Match": '"0123456789abcdef"'})
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/", "/client.js", "/static/style.css", "/static/nothing.js"])
async def test_the_policy_lets_nothing_in_from_elsewhere(
    http: httpx.AsyncClient, path: str
) -> None:
    response = await http.get(path)
    policy = response.headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules.pop("default-src") == "'none'"
    assert set(rules.values()) == {"'self'", "'none'"}


@pytest.mark.parametrize(
    "path", ["/static/", "/static/nothing.js", "/static/../assets.py", "/static/%2e%2e/assets.py"]
)
async def test_what_is_no_page_is_not_found(http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(path)
    assert response.status_code == 404
    assert "import" not in response.text


@pytest.mark.parametrize("name", [page for page in PAGES if page.endswith(".html")])
def test_no_page_holds_a_script_or_a_style_of_its_own(name: str) -> None:
    page = (STATIC / name).read_text()
    assert "<style" not in page
    assert " style=" not in page
    assert "<script>" not in page
    assert "//" not in page.replace("<!doctype", "")


async def test_the_first_page_leads_to_the_docs(http: httpx.AsyncClient) -> None:
    response = await http.get("/")
    assert response.status_code == 200
    assert 'href="/docs"' in response.text
