"""What an operator does to accounts from outside a server: demo users, and the first admin."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from server import resources
from server.database.columns import uuid7
from server.database.engine import Database, Engine
from server.pages.demo import Account
from server.pages.stranger import change_scores
from server.resources.sessions.passwords import Passwords
from server.resources.sessions.signing import BY_EMAIL
from server.resources.users import rows
from server.resources.users.tables import User

if TYPE_CHECKING:
    from server.settings import Settings

DEMO = Account("demo@example.org", "demo-password")
"""Printed on every start of `dev`."""
NAMES = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Edsger Dijkstra", "Barbara Liskov")
GIVEN = ("Ben", "Cleo", "Dara", "Elif", "Finn", "Hana", "Ines", "Juno", "Kofi", "Mary")
FAMILY = ("Berg", "Cruz", "Diaz", "Eze", "Fox", "Gupta", "Hahn", "Ito", "Jain", "Koh")


def open_database(settings: Settings) -> Database:
    database = Database(Engine(settings.dsn or ""), 1, settings.call_timeout_seconds)
    database.bind(resources.tables())
    return database


async def add_demo_users(settings: Settings) -> bool:
    """The demo sign-in, who is an admin, and others: those whose email nobody has.

    A hundred of them are players, with a score. Gives whether the sign-in works as it is printed.
    """
    database = open_database(settings)
    await database.open()
    passwords = Passwords(threads=1)
    try:
        people = demo_users()
        have = {
            row["email"]
            for row in await database.fetch(
                "SELECT lower(email) AS email FROM users WHERE lower(email) = ANY($1::text[])",
                list(people),
            )
        }
        missing = [user for email, user in people.items() if email not in have]
        if missing:
            password = await passwords.hash(DEMO.password)
            async with database.transaction():
                for user in missing:
                    await rows.insert(user, password)
            await change_scores(settings.dsn or "")
        stored = await database.fetchrow(BY_EMAIL, DEMO.email)
        return stored is not None and await passwords.verify(stored["password"], DEMO.password)
    finally:
        passwords.close()
        await database.close()


def demo_users() -> dict[str, User]:
    """By email."""
    names = {DEMO.email: "Demo"}
    names |= {f"{name.split()[0].lower()}@example.org": name for name in NAMES}
    users = {email: demo_user(email, name) for email, name in names.items()}
    for number, (family, given) in enumerate(product(FAMILY, GIVEN), 1):
        email = f"player-{number}@example.org"
        users[email] = demo_user(email, f"{given} {family}", profile='{"score": 0}')
    return users


def demo_user(email: str, name: str, *, profile: str = "{}") -> User:
    role = "admin" if email == DEMO.email else "player"
    return User(id=uuid7(), email=email, full_name=name, role=role, profile=profile, status="")


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
