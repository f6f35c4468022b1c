"""`/admin`: signed in with our own sessions, only as an admin, and what it writes is a call."""

from __future__ import annotations

import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.conftest import (
    PASSWORD,
    ROOT,
    Running,
    Someone,
    database,
    serving,
    settings_for,
    sign_up,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "csrftoken"
OFF = """
import sys
from server.app import build
from server.settings import Settings

build(Settings(_env_file=None, database_url="postgresql://x/y"))
print("piccolo_admin" in sys.modules or "fastapi" in sys.modules)
"""


@pytest.fixture(scope="module")
async def server(dsn: str) -> AsyncIterator[Running]:
    async with serving(settings_for(dsn, admin=True)) as running:
        yield running


class Browser:
    """What piccolo_admin's page does: it keeps cookies, and repeats one of them in a header."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(f"/admin/{path}", params=params)

    async def send(self, method: str, path: str, said: Any = None) -> httpx.Response:
        headers = {"X-CSRFToken": self.http.cookies.get(TOKEN) or ""}
        return await self.http.request(method, f"/admin/{path}", json=said, headers=headers)

    async def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        await self.get("")
        return await self.send("POST", "public/login/", {"username": email, "password": password})


@asynccontextmanager
async def browser(server: Running) -> AsyncIterator[Browser]:
    async with httpx.AsyncClient(base_url=server.url) as http:
        yield Browser(http)


@pytest.fixture
async def signed_in(server: Running, admin: Someone) -> AsyncIterator[Browser]:
    async with browser(server) as page:
        assert (await page.sign_in(admin.email)).status_code == 200
        yield page


async def test_it_is_off_unless_it_is_asked_for(dsn: str) -> None:
    async with serving(settings_for(dsn)) as plain, browser(plain) as page:
        assert (await page.get("")).status_code == 404


def test_nothing_of_it_is_imported_while_it_is_off() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            OFF,
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.stdout.strip() == "False"


async def test_without_a_session_there_is_a_page_to_sign_in_and_nothing_else(
    server: Running, ada: Someone
) -> None:
    async with browser(server) as page:
        shown = await page.get("")
        assert shown.status_code == 200
        assert "frame-ancestors 'none'" in shown.headers["Content-Security-Policy"]
        for path in (
            "api/tables/",
            "api/tables/users/",
            f"api/tables/users/{ada.id}/",
            "api/user/",
        ):
            assert (await page.get(path)).status_code == 401, path
        for method in ("PATCH", "DELETE", "PUT"):
            refused = await page.send(method, f"api/tables/users/{ada.id}/", {"status": "mine"})
            assert refused.status_code == 401, method


async def test_the_cookie_is_for_no_script_and_no_other_site(
    server: Running, admin: Someone
) -> None:
    async with browser(server) as page:
        cookie = (await page.sign_in(admin.email)).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/admin" in cookie
    assert "Secure" not in cookie, "or a browser would not keep it here"
    async with browser(server) as page:
        page.http.headers["X-Forwarded-Proto"] = "https"
        assert "Secure" in (await page.sign_in(admin.email)).headers["Set-Cookie"]


async def test_a_wrong_password_and_a_person_who_is_no_admin_stay_outside(
    server: Running, ada: Someone, admin: Someone
) -> None:
    async with browser(server) as page:
        assert (await page.sign_in(admin.email, "a wrong password")).status_code == 401
        assert (await page.sign_in("no email")).status_code == 422
        before = len((await ada.client.call("session.list"))["sessions"])
        assert (await page.sign_in(ada.email)).status_code == 403
        assert len((await ada.client.call("session.list"))["sessions"]) == before
        page.http.cookies.set("victoryvault_admin", ada.token)
        assert (await page.get("api/tables/users/")).status_code == 403
        page.http.cookies.set("victoryvault_admin", "nonsense")
        assert (await page.get("api/tables/users/")).status_code == 401


async def test_a_lost_role_and_an_ended_session_count_at_once(
    server: Running, dsn: str, admin: Someone
) -> None:
    async with browser(server) as page, database(dsn) as psql:
        await page.sign_in(admin.email)
        assert (await page.get("api/user/")).json()["username"] == admin.email
        await psql.execute("UPDATE users SET role = 'player' WHERE id = $1", admin.id)
        assert (await page.get("api/user/")).status_code == 403
        refused = await page.send("PATCH", f"api/tables/users/{admin.id}/", {"role": "admin"})
        assert refused.status_code == 403
        await psql.execute("UPDATE users SET role = 'admin' WHERE id = $1", admin.id)
        assert (await page.get("api/user/")).status_code == 200
        await psql.execute('DELETE FROM sessions WHERE "user" = $1', admin.id)
        assert (await page.get("api/user/")).status_code == 401


async def test_signing_out_ends_the_session(server: Running, admin: Someone) -> None:
    async with browser(server) as page:
        await page.sign_in(admin.email)
        token = page.http.cookies["victoryvault_admin"]
        assert (await page.send("POST", "public/logout/")).status_code == 200
        assert "victoryvault_admin" not in page.http.cookies
        page.http.cookies.set("victoryvault_admin", token)
        assert (await page.get("api/user/")).status_code == 401


async def test_no_password_and_no_token_is_ever_shown(
    signed_in: Browser, dsn: str, ada: Someone
) -> None:
    assert (await signed_in.get("api/tables/")).json() == ["sessions", "users"]
    async with database(dsn) as psql:
        hashed = await psql.fetchval("SELECT token FROM sessions WHERE id = $1", ada.session)
    for path in ("users/", f"users/{ada.id}/", "sessions/", f"sessions/{ada.session}/"):
        shown = await signed_in.get(f"api/tables/{path}", __page_size=1000)
        assert shown.status_code == 200, shown.text
        assert "password" not in shown.text
        assert '"token"' not in shown.text
        assert hashed.hex() not in shown.text
        assert shown.headers["Cache-Control"] == "no-store"
    for table in ("credentials", "receipts", "changes", "migration"):
        assert (await signed_in.get(f"api/tables/{table}/")).status_code == 404
    for params in ({"token": "x"}, {"__visible_fields": "token"}, {"__order": "token"}):
        refused = await signed_in.get("api/tables/sessions/", **params)
        assert refused.status_code >= 400 or "token" not in refused.text
    schema = (await signed_in.get("api/tables/users/schema/")).json()
    assert "password" not in str(schema)


async def test_an_edit_moves_the_live_subscriptions(signed_in: Browser, ada: Someone) -> None:
    await ada.client.call("user.subscribe", where={"id": ada.id})
    form = (await signed_in.get(f"api/tables/users/{ada.id}/")).json()
    edited = await signed_in.send(
        "PATCH", f"api/tables/users/{ada.id}/", {**form, "full_name": "Ada, edited"}
    )
    assert edited.status_code == 200, edited.text
    told = await ada.client.notification("user.changed")
    (change,) = told["changes"]
    assert change["set"].pop("updated_at")
    assert change["set"] == {"full_name": "Ada, edited"}


async def test_a_form_that_was_filled_before_somebody_else_wrote_is_refused(
    signed_in: Browser, ada: Someone
) -> None:
    form = (await signed_in.get(f"api/tables/users/{ada.id}/")).json()
    await ada.client.call("user.update", set={"status": "just now"})
    stale = await signed_in.send(
        "PATCH", f"api/tables/users/{ada.id}/", {**form, "full_name": "Ada, edited"}
    )
    assert stale.status_code == 409
    assert "reload" in stale.text
    now = (await ada.client.call("user.get", id=ada.id))["user"]
    assert (now["status"], now["full_name"]) == ("just now", "Ada")


@pytest.mark.parametrize(
    "said",
    [
        {"email": "no email"},
        {"role": "emperor"},
        {"profile": "{"},
        {"profile": "[]"},
        {"status": "s" * 141},
        {"version": "first", "status": "x"},
    ],
)
async def test_what_a_call_refuses_is_refused_here(
    signed_in: Browser, ada: Someone, said: dict[str, Any]
) -> None:
    refused = await signed_in.send("PATCH", f"api/tables/users/{ada.id}/", said)
    assert refused.status_code == 422
    assert refused.text
    assert (await ada.client.call("user.get", id=ada.id))["user"]["version"] == 1


async def test_nothing_is_written_but_by_our_own_methods(signed_in: Browser, ada: Someone) -> None:
    form = (await signed_in.get(f"api/tables/users/{ada.id}/")).json()
    for method, path in (
        ("POST", "users/"),
        ("PUT", f"users/{ada.id}/"),
        ("DELETE", "users/"),
        ("POST", "sessions/"),
        ("PUT", f"sessions/{ada.session}/"),
        ("PATCH", f"sessions/{ada.session}/"),
    ):
        refused = await signed_in.send(method, f"api/tables/{path}", form)
        assert refused.status_code == 405, (method, path)
    assert (await ada.client.call("user.get", id=ada.id))["user"]["version"] == 1


async def test_a_session_that_is_deleted_here_is_closed(signed_in: Browser, ada: Someone) -> None:
    deleted = await signed_in.send("DELETE", f"api/tables/sessions/{ada.session}/")
    assert deleted.status_code == 200
    assert (await ada.client.notification("session.ended"))["reason"] == "ended"
    assert (await ada.client.closed())[0] == 4401


async def test_a_user_who_is_deleted_here_leaves(
    signed_in: Browser, ada: Someone, grace: Someone
) -> None:
    await grace.client.call("user.subscribe", where={"id": {"in": [ada.id]}})
    assert (await signed_in.send("DELETE", f"api/tables/users/{ada.id}/")).status_code == 200
    told = await grace.client.notification("user.changed")
    assert [each["op"] for each in told["changes"]] == ["leave"]
    assert (await signed_in.send("DELETE", f"api/tables/users/{ada.id}/")).status_code == 404


async def test_a_password_is_changed_by_who_knows_it(server: Running, admin: Someone) -> None:
    new = "another long password"
    async with browser(server) as page:
        await page.sign_in(admin.email)
        form = {"current_password": PASSWORD, "new_password": new, "confirm_new_password": "other"}
        assert (await page.send("POST", "api/change-password/", form)).status_code == 422
        form["confirm_new_password"] = new
        wrong = {**form, "current_password": "wrong"}
        assert (await page.send("POST", "api/change-password/", wrong)).status_code == 401
        assert (await page.send("POST", "api/change-password/", form)).status_code == 200
    async with browser(server) as page:
        assert (await page.sign_in(admin.email, new)).status_code == 200


async def test_another_site_can_do_nothing(
    signed_in: Browser, server: Running, ada: Someone
) -> None:
    path = f"/admin/api/tables/users/{ada.id}/"
    said = {"status": "theirs"}
    without = await signed_in.http.patch(path, json=said)
    assert without.status_code == 403
    wrong = await signed_in.http.patch(path, json=said, headers={"X-CSRFToken": "guessed"})
    assert wrong.status_code == 403
    headers = {"X-CSRFToken": signed_in.http.cookies[TOKEN], "Origin": "https://evil.example"}
    assert (await signed_in.http.patch(path, json=said, headers=headers)).status_code == 403
    headers["Origin"] = server.url
    assert (await signed_in.http.patch(path, json=said, headers=headers)).status_code == 200


async def test_a_form_is_no_larger_than_a_message(server: Running) -> None:
    async with browser(server) as page:
        assert (await page.sign_in("x" * 70_000)).status_code == 413

        async def parts() -> AsyncIterator[bytes]:
            yield b"{}"

        dripping = await page.http.post("/admin/public/login/", content=parts())
        assert dripping.status_code == 413


async def test_failed_sign_ins_are_counted_like_everybody_elses(dsn: str) -> None:
    settings = settings_for(dsn, admin=True, sign_in_attempts_per_minute=1)
    async with serving(settings) as server, server.connect() as client, browser(server) as page:
        someone = await sign_up(client)
        assert (await page.sign_in(someone.email, "a wrong password")).status_code == 401
        assert (await page.sign_in(someone.email, "a wrong password")).status_code == 429
