"""What an operator does to accounts from outside a server: demo users, and the first admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server import resources
from server.database.columns import uuid7
from server.database.engine import Database, Engine
from server.resources.sessions.passwords import Passwords
from server.resources.sessions.signing import BY_EMAIL
from server.resources.users import rows
from server.resources.users.tables import User

if TYPE_CHECKING:
    from server.settings import Settings

DEMO_EMAIL = "demo@example.org"
DEMO_PASSWORD = "demo-password"  # noqa: S105 - printed on every start of `dev`
DEMO_NAMES = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Edsger Dijkstra", "Barbara Liskov")


def open_database(settings: Settings) -> Database:
    database = Database(Engine(settings.dsn or ""), 1, settings.call_timeout_seconds)
    database.bind(resources.tables())
    return database


async def add_demo_users(settings: Settings) -> bool:
    """The demo sign-in, who is an admin, and a few others: those whose email nobody has.

    Gives whether the sign-in works as it is printed.
    """
    database = open_database(settings)
    await database.open()
    passwords = Passwords(threads=1)
    try:
        people = {DEMO_EMAIL: "Demo"}
        people |= {f"{name.split()[0].lower()}@example.org": name for name in DEMO_NAMES}
        have = {
            row["email"]
            for row in await database.fetch(
                "SELECT lower(email) AS email FROM users WHERE lower(email) = ANY($1::text[])",
                list(people),
            )
        }
        missing = [email for email in people if email not in have]
        if missing:
            password = await passwords.hash(DEMO_PASSWORD)
            async with database.transaction():
                for email in missing:
                    role = "admin" if email == DEMO_EMAIL else "player"
                    await rows.insert(demo_user(email, people[email], role=role), password)
        stored = await database.fetchrow(BY_EMAIL, DEMO_EMAIL)
        return stored is not None and await passwords.verify(stored["password"], DEMO_PASSWORD)
    finally:
        passwords.close()
        await database.close()


def demo_user(email: str, name: str, *, role: str) -> User:
    return User(id=uuid7(), email=email, full_name=name, role=role, profile="{}", status="")


async def promote(settings: Settings, email: str) -> bool:
    """Makes a user an admin; False when there is none with this email."""
    database = open_database(settings)
    await database.open()
    try:
        found = await database.fetch(
            "UPDATE users SET role = 'admin' WHERE lower(email) = lower($1) RETURNING id", email
        )
    finally:
        await database.close()
    return bool(found)
