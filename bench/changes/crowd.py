"""Who follows what: a mix of subscribers as a game has it, and crowds who all follow the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from bench.changes.orders import Client
from bench.ground import GUILDS, Ground

SUBSCRIBERS = 1000
FRIENDS = 20
OWN, IN_GUILDS = 500, 400
GUILD_ROWS = 10


def players(ground: Ground) -> list[str]:
    return [str(user) for user in ground.users[1:]]


def guild_of(player: int) -> int:
    """The first user is the admin, the second the first player."""
    return (player + 1) % GUILDS


def in_guild(guild: int) -> dict[str, Any]:
    return {"where": {"profile.guild": f"Guild {guild}"}}


def own(ground: Ground, player: int) -> dict[str, Any]:
    return {"where": {"id": players(ground)[player]}}


def clients(ground: Ground, what: Callable[[int], dict[str, Any]]) -> list[Client]:
    """A client for each player."""
    return [Client(token, [what(player)]) for player, token in enumerate(ground.tokens[1:])]


class Mix:
    """Half follow their own row, four hundred in forty guilds of ten all of their guild, and a
    hundred a list of twenty friends."""

    def __init__(self, ground: Ground) -> None:
        self.ids = players(ground)
        self.followers: Counter[int] = Counter()
        """Of each player's row."""
        self.clients = clients(ground, self.what)

    def what(self, player: int) -> dict[str, Any]:
        if player < OWN:
            return self.rows([player])
        if player < OWN + IN_GUILDS:
            guild = (player - OWN) // GUILD_ROWS
            self.followers.update(each for each in range(len(self.ids)) if guild_of(each) == guild)
            return in_guild(guild)
        return self.rows([(7 * player + 31 * step) % len(self.ids) for step in range(FRIENDS)])

    def rows(self, players: list[int]) -> dict[str, Any]:
        self.followers.update(players)
        ids = [self.ids[player] for player in players]
        return {"where": {"id": ids[0] if len(ids) == 1 else {"in": ids}}}

    def of_write(self, number: int) -> int:
        return self.followers[number % len(self.ids)]
