"""A subscriber whose role changes and whose sessions end, and who then signs in again."""

from __future__ import annotations

import re
from random import Random
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.changes.oracle_copy import CANARY, Copy, Spec, WrongError
from tests.changes.oracle_subscriber import PATIENCE, SPECS, Call, Subscriber, some_of
from tests.changes.oracle_writers import World
from tests.client import connected
from tests.conftest import PASSWORD, Someone
from tests.process import ServerProcess

SESSION_ENDED = 4401
EMAIL = re.compile(rf"{CANARY}-(\d+)@")


class Fickle(Subscriber):
    """One whose role changes and whose sessions end, and who then signs in again."""

    def __init__(
        self, world: World, workers: list[ServerProcess], who: Someone, random: Random
    ) -> None:
        super().__init__(world, workers, None, random)
        self.who = who
        self.session = ""
        self.is_leaving = self.has_ended = False
        self.own = Spec({"id": who.id})
        specs = some_of((*SPECS, self.own), random)
        if all(spec.fields is not None for spec in specs):
            specs.append(SPECS[0])
        self.copies = [Copy(spec, world.pairs, may_be_admins=True) for spec in specs]

    async def connect(self, worker: ServerProcess) -> None:
        self.is_leaving = self.has_ended = False
        if self.token is None:
            async with connected(worker.rpc, open_timeout=PATIENCE) as client:
                reply = await client.call("session.create", email=self.who.email, password=PASSWORD)
            self.token, self.session = reply["token"], reply["session"]["id"]
        try:
            await super().connect(worker)
        except InvalidStatus as refused:
            if refused.response.status_code != 401 or self.session not in self.world.ended:
                raise WrongError(f"{self.session} was refused: {refused}") from refused
            self.sign_out()

    async def mend(self) -> None:
        if self.socket is None or not self.is_leaving:
            await super().mend()

    def check_text(self, text: str) -> None:
        """No email drawn after a demotion was committed, until a promotion is begun.

        Nothing else can have it: it was written after it was drawn, so whatever snapshot it was
        read from has the demotion too; and those numbers are checked that are newer than the last
        demotion, so what was on its way since a promotion before that one is not. Emails drawn
        while COMMIT was being answered are let through.
        """
        if self.has_ended:
            raise WrongError(f"after session.ended came {text!r}")
        since = self.world.player_since
        if since is not None and any(int(each) > since for each in EMAIL.findall(text)):
            raise WrongError(f"an email of after the demotion ({since}) is on the wire: {text!r}")

    def must_reset(self, copy: Copy) -> bool:
        return copy.position is not None and self.world.flipped > copy.flips

    def arrived(self, copy: Copy) -> None:
        if copy.is_complete:
            copy.flips = self.world.flips

    def notified(self, method: str, params: dict[str, Any]) -> None:
        if method == "subscription.closed":
            self.lost(self.copy_of(method, params), params["reason"])
        elif method == "session.ended":
            if self.session not in self.world.ended:
                raise WrongError(f"{self.session} is not to end: {params}")
            if any(copy.name for copy in self.copies):
                raise WrongError("session.ended came before subscription.closed")
            self.has_ended = self.is_leaving = True
        else:
            super().notified(method, params)

    def lost(self, copy: Copy, reason: str) -> None:
        if reason == "rights_changed":
            self.rights += 1
            copy.flips = -1
        elif reason == "signed_out" and self.session in self.world.ended:
            self.is_leaving = True
        else:
            raise WrongError(f"{copy.spec} was closed: {reason}")
        copy.cut()

    def failed(self, call: Call, error: dict[str, Any]) -> None:
        kind = error["data"]["kind"]
        if kind in {"cancelled", "unauthenticated"} and self.session in self.world.ended:
            self.is_leaving = True
        elif not (
            call.method == "subscription.close"
            and kind == "not_found"
            and call.copy is not None
            and call.copy.name is None
        ):
            super().failed(call, error)

    def was_closed(self, closed: ConnectionClosed) -> None:
        if not self.has_ended:
            super().was_closed(closed)
        elif closed.rcvd is None or closed.rcvd.code != SESSION_ENDED:
            if self.worker in self.workers:
                raise WrongError(f"closed with {closed} after session.ended")
        else:
            self.sign_out()

    def sign_out(self) -> None:
        self.ended += 1
        self.token = None

    def __repr__(self) -> str:
        return f"fickle, {self.session} is ended: {self.session in self.world.ended}"

    def is_settled(self) -> bool:
        """What was ended has ended."""
        return self.session not in self.world.ended and super().is_settled()

    async def compare(self, copy: Copy) -> list[str]:
        """And it has the view of the role that was committed last."""
        found = await super().compare(copy)
        if copy.rows and copy.spec.fields is None and copy.spec != self.own:
            shows_emails = "email" in (copy.shown or ())
            if shows_emails != self.world.is_admin:
                found.append(f"emails are shown: {shows_emails}")
        return found
