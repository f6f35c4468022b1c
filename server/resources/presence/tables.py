"""Who is online, and what says so: which worker holds sockets of which session."""

from __future__ import annotations

from piccolo.columns import UUID, BigInt, BigSerial, Boolean, ForeignKey, OnDelete, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.constraints import Unique
from piccolo.table import Table

from server.changes.tables import LiveTable
from server.database.columns import UUID7
from server.resources.users.tables import User


class Presence(Table, tablename="presence"):
    """Of each user who has ever been online. A trigger adds 1 to `version` at each update."""

    id = ForeignKey(User, primary_key=True, on_delete=OnDelete.cascade, null=False)
    online = Boolean(default=False, index=True)
    last_seen = Timestamptz(default=TimestamptzNow())
    version = BigInt(default=1)


LIVE = LiveTable(Presence)


class Worker(Table, tablename="workers"):
    """Those that serve. One that was killed is missed when its time is over."""

    id = UUID(primary_key=True, default=UUID7())
    until = Timestamptz(default=TimestamptzNow())


class Attendance(Table, tablename="attendances"):
    """Sessions with a socket at a worker. They outlive the session, until the socket has gone."""

    id = BigSerial(primary_key=True)
    worker = ForeignKey(Worker, on_delete=OnDelete.cascade, null=False, index=True)
    session = UUID(default=None)
    user = UUID(default=None, index=True)
    attendances_once = Unique([session, worker])
