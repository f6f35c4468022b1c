"""Made from the server's OpenRPC document by `victoryvault client python`. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict, overload

from victoryvault_client.blocking import BlockingLine, BlockingSubscription
from victoryvault_client.line import Line, State
from victoryvault_client.subscription import Stored, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from typing_extensions import NotRequired


WRITES: dict[str, bool] = {
    "presence.list": False,
    "presence.subscribe": False,
    "rpc.cancel": False,
    "rpc.discover": False,
    "rpc.ping": False,
    "session.create": True,
    "session.delete": True,
    "session.list": False,
    "session.renew": True,
    "session.resume": False,
    "subscription.close": False,
    "subscription.explain": False,
    "subscription.list": False,
    "subscription.sync": False,
    "system.info": False,
    "user.create": True,
    "user.delete": True,
    "user.get": False,
    "user.list": False,
    "user.set_password": True,
    "user.subscribe": False,
    "user.update": True,
}
"""Whether a method writes."""


BooleanCondition: TypeAlias = "bool | dict[str, Any]"
"""For true or false: a value that it equals, or operators that all hold"""


class Cancelled(TypedDict):
    """What became of the wish."""
    cancelled: bool


class Explained(TypedDict):
    """Why a row is in a subscription, or why it is not."""
    held: bool
    reason: Literal["deleted", "filter", "forbidden", "matches"]
    where: dict[str, Any]
    failed: dict[str, Any] | None
    position: str
    head: str


class Followed(TypedDict):
    """A subscription of this connection, and where it is."""
    subscription: str
    notification: str
    where: dict[str, Any]
    fields: list[str]
    interval_ms: int
    position: str | None
    lag: int


IdCondition: TypeAlias = "str | dict[str, Any]"
"""For a UUID: a value that it equals, or operators that all hold"""


class Information(TypedDict):
    """What server this is."""
    name: str
    version: str
    description: str
    time: str
    limits: dict[str, int]


JsonCondition: TypeAlias = "str | float | bool | None | list[Any] | dict[str, Any]"
"""For JSON: a value that it equals, or operators that all hold"""


class Leave(TypedDict):
    """A row that is in the subscription no longer."""
    op: Literal["leave"]
    id: str
    version: int
    reason: Literal["deleted", "filter", "forbidden"]


class Nothing(TypedDict):
    """An empty reply: it was done."""


NumberCondition: TypeAlias = "float | dict[str, Any]"
"""For a number: a value that it equals, or operators that all hold"""


class OpenRPC(TypedDict):
    """A document of OpenRPC 1.4"""
    openrpc: str
    servers: list[dict[str, Any]]
    info: dict[str, Any]
    methods: list[dict[str, Any]]
    components: dict[str, Any]


class Pong(TypedDict):
    """The server is there."""
    position: str


Position: TypeAlias = "str"
"""A place in the change log: store it, give it back, read nothing in it"""


class Presence(TypedDict):
    """Whether a user is online. One who never was has no row."""
    id: str
    online: bool
    last_seen: str
    version: int


class PresenceChange(TypedDict):
    """A presence that was in it: only what differs."""
    op: Literal["change"]
    id: str
    version: int
    set: PresenceSet


class PresenceEnter(TypedDict):
    """A presence that was not in it: all that one sees."""
    op: Literal["enter"]
    id: str
    version: int
    set: PresenceSet


class PresencePage(TypedDict):
    """A page of presence."""
    presence: list[Presence]
    next: str | None


class PresencePart(TypedDict):
    """A presence, with the fields that were asked for."""
    id: str
    version: int
    online: NotRequired[bool]
    last_seen: NotRequired[str]


class PresenceResumed(TypedDict):
    """What has changed in the presence since `after`, at most once for each."""
    subscription: str
    position: Position | None
    reset: Literal[False]
    changes: list[PresenceEnter | PresenceChange | Leave]
    more: bool


class PresenceSet(TypedDict):
    """Fields of a presence, with what they are now."""
    online: NotRequired[bool]
    last_seen: NotRequired[str]


class PresenceSnapshot(TypedDict):
    """All presence that match."""
    subscription: str
    position: Position | None
    reset: Literal[True]
    presence: list[PresencePart]
    more: bool


PresenceWhere = TypedDict('PresenceWhere', {
    'id': "NotRequired[IdCondition]",
    'online': "NotRequired[BooleanCondition]",
    'last_seen': "NotRequired[TimeCondition]",
    'version': "NotRequired[NumberCondition]",
    'all': "NotRequired[list[dict[str, Any]]]",
    'any': "NotRequired[list[dict[str, Any]]]",
    'not': "NotRequired[dict[str, Any]]",
})


class Renewed(TypedDict):
    """The same session, with a new token and a new end."""
    session: Session
    expires_at: str
    token: str


class Resumed(TypedDict):
    """Who one is now."""
    session: Session
    expires_at: str
    user: User


class Session(TypedDict):
    """Where somebody is signed in."""
    id: str
    user: str
    created_at: str
    last_seen: str
    expires_at: str
    address: str
    client: str
    online: bool
    current: bool


class Sessions(TypedDict):
    """Sessions of one user, the newest first."""
    sessions: list[Session]


class SignedIn(TypedDict):
    """A new session, its token, and who one is now."""
    session: Session
    expires_at: str
    user: User
    token: str


class Subscriptions(TypedDict):
    """All subscriptions of this connection."""
    subscriptions: list[Followed]


class Synced(TypedDict):
    """A position that holds for every subscription of this connection."""
    position: Position


TextCondition: TypeAlias = "str | dict[str, Any]"
"""For text: a value that it equals, or operators that all hold"""


TimeCondition: TypeAlias = "str | dict[str, Any]"
"""For a time: a value that it equals, or operators that all hold"""


class User(TypedDict):
    """A user, as the owner and admins see them; others do not see `email` and `role`."""
    id: str
    full_name: str
    status: str
    profile: dict[str, Any]
    version: int
    created_at: str
    updated_at: str
    email: NotRequired[str]
    role: NotRequired[Literal["player", "admin"]]


class UserChange(TypedDict):
    """A user that was in it: only what differs."""
    op: Literal["change"]
    id: str
    version: int
    set: UserSet


class UserCreated(TypedDict):
    """A new account, with a session of its own."""
    user: User
    session: Session
    expires_at: str
    token: str
    position: Position


class UserEnter(TypedDict):
    """A user that was not in it: all that one sees."""
    op: Literal["enter"]
    id: str
    version: int
    set: UserSet


class UserPage(TypedDict):
    """A page of users."""
    users: list[User]
    next: str | None


class UserPart(TypedDict):
    """A user, with the fields that were asked for."""
    id: str
    version: int
    full_name: NotRequired[str]
    status: NotRequired[str]
    profile: NotRequired[dict[str, Any]]
    created_at: NotRequired[str]
    updated_at: NotRequired[str]
    email: NotRequired[str]
    role: NotRequired[Literal["player", "admin"]]


class UserReply(TypedDict):
    """A user, as one may see them."""
    user: User


class UserResumed(TypedDict):
    """What has changed in the users since `after`, at most once for each."""
    subscription: str
    position: Position | None
    reset: Literal[False]
    changes: list[UserEnter | UserChange | Leave]
    more: bool


class UserSet(TypedDict):
    """Fields of a user, with what they are now."""
    full_name: NotRequired[str]
    status: NotRequired[str]
    profile: NotRequired[dict[str, Any]]
    created_at: NotRequired[str]
    updated_at: NotRequired[str]
    email: NotRequired[str]
    role: NotRequired[Literal["player", "admin"]]


class UserSnapshot(TypedDict):
    """All users that match."""
    subscription: str
    position: Position | None
    reset: Literal[True]
    users: list[UserPart]
    more: bool


class UserUpdate(TypedDict):
    """What of a user to set; fields left out stay."""
    email: NotRequired[str]
    full_name: NotRequired[str]
    status: NotRequired[str]
    profile: NotRequired[dict[str, Any]]
    role: NotRequired[Literal["admin", "player"]]


class UserUpdated(TypedDict):
    """The user as they are now, and a place in the log at or past the write."""
    user: User
    position: Position


UserWhere: TypeAlias = "dict[str, Any]"
"""Which user rows: all members hold. Its fields are what one may see, and `profile.<name>`"""


class Written(TypedDict):
    """It was written; a place in the log at or past the write."""
    position: Position


class PresenceListParams(TypedDict):
    where: NotRequired[PresenceWhere | None]
    order_by: NotRequired[list[Literal["id", "-id", "online", "-online", "last_seen", "-last_seen", "version", "-version"]] | None]
    limit: NotRequired[int]
    after: NotRequired[str | None]


class PresenceSubscribeParams(TypedDict):
    where: NotRequired[PresenceWhere | None]
    fields: NotRequired[list[Literal["id", "online", "last_seen", "version"]] | None]
    after: NotRequired[str | None]
    limit: NotRequired[int]
    interval_ms: NotRequired[int]


class RpcCancelParams(TypedDict):
    id: str | float | None


class SessionCreateParams(TypedDict):
    email: str
    password: str
    retry_key: NotRequired[str | None]


class SessionDeleteParams(TypedDict):
    id: NotRequired[str | None]
    retry_key: NotRequired[str | None]


class SessionListParams(TypedDict):
    user: NotRequired[str | None]


class SessionRenewParams(TypedDict):
    retry_key: NotRequired[str | None]


class SessionResumeParams(TypedDict):
    token: str


class SubscriptionCloseParams(TypedDict):
    subscription: str


class SubscriptionExplainParams(TypedDict):
    subscription: str
    id: str


class UserCreateParams(TypedDict):
    email: str
    full_name: str
    password: str
    id: NotRequired[str | None]
    status: NotRequired[str]
    profile: NotRequired[dict[str, Any] | None]
    retry_key: NotRequired[str | None]


class UserDeleteParams(TypedDict):
    id: NotRequired[str | None]
    retry_key: NotRequired[str | None]


class UserGetParams(TypedDict):
    id: str


class UserListParams(TypedDict):
    where: NotRequired[UserWhere | None]
    order_by: NotRequired[list[Literal["id", "-id", "full_name", "-full_name", "status", "-status", "version", "-version", "created_at", "-created_at", "updated_at", "-updated_at", "email", "-email", "role", "-role"]] | None]
    limit: NotRequired[int]
    after: NotRequired[str | None]


class UserSetPasswordParams(TypedDict):
    current: str
    new: str
    retry_key: NotRequired[str | None]


class UserSubscribeParams(TypedDict):
    where: NotRequired[UserWhere | None]
    fields: NotRequired[list[Literal["id", "full_name", "status", "profile", "version", "created_at", "updated_at", "email", "role"]] | None]
    after: NotRequired[str | None]
    limit: NotRequired[int]
    interval_ms: NotRequired[int]


class UserUpdateParams(TypedDict):
    set: UserUpdate
    id: NotRequired[str | None]
    version: NotRequired[int | None]
    retry_key: NotRequired[str | None]


class PresenceChangedParams(TypedDict):
    subscription: str
    position: Position | None
    changes: list[PresenceEnter | PresenceChange | Leave]
    more: NotRequired[Literal[True]]


class ServerDrainingParams(TypedDict):
    reconnect_in_ms: int


class SessionEndedParams(TypedDict):
    reason: Literal["ended", "expired"]


class SessionExpiringParams(TypedDict):
    expires_at: str


class SubscriptionClosedParams(TypedDict):
    subscription: str
    reason: Literal["position_gone", "rights_changed", "signed_out", "unavailable"]
    position: str | None


class UserChangedParams(TypedDict):
    subscription: str
    position: Position | None
    changes: list[UserEnter | UserChange | Leave]
    more: NotRequired[Literal[True]]


PresenceField: TypeAlias = "Literal['online', 'last_seen']"


UserField: TypeAlias = "Literal['full_name', 'status', 'profile', 'created_at', 'updated_at', 'email', 'role']"


class Connection(Line):
    """A line to the server that mends itself. It connects with the first call or subscription."""

    writes = WRITES

    @overload
    async def call(
        self, method: Literal["presence.list"], params: PresenceListParams | None = None, *, timeout: float | None = None
    ) -> PresencePage:
        """A page of rows in order."""

    @overload
    async def call(
        self, method: Literal["presence.subscribe"], params: PresenceSubscribeParams | None = None, *, timeout: float | None = None
    ) -> PresenceSnapshot | PresenceResumed:
        """Rows as they are, and from then on every change to them, without a gap."""

    @overload
    async def call(
        self, method: Literal["rpc.cancel"], params: RpcCancelParams, *, timeout: float | None = None
    ) -> Cancelled:
        """Stops a call of this connection that is under way; it is answered with `cancelled`."""

    @overload
    async def call(
        self, method: Literal["rpc.discover"], params: Mapping[str, None] | None = None, *, timeout: float | None = None
    ) -> OpenRPC:
        """The OpenRPC document of this server."""

    @overload
    async def call(
        self, method: Literal["rpc.ping"], params: Mapping[str, None] | None = None, *, timeout: float | None = None
    ) -> Pong:
        """That the server answers, and the head of the change log."""

    @overload
    async def call(
        self, method: Literal["session.create"], params: SessionCreateParams, *, timeout: float | None = None
    ) -> SignedIn:
        """Signs in with email and password, and signs the connection in."""

    @overload
    async def call(
        self, method: Literal["session.delete"], params: SessionDeleteParams | None = None, *, timeout: float | None = None
    ) -> Nothing:
        """Ends a session, this one when `id` is left out. Its sockets close on every node."""

    @overload
    async def call(
        self, method: Literal["session.list"], params: SessionListParams | None = None, *, timeout: float | None = None
    ) -> Sessions:
        """Where one is signed in, the newest first. Another's sessions only an admin may list."""

    @overload
    async def call(
        self, method: Literal["session.renew"], params: SessionRenewParams | None = None, *, timeout: float | None = None
    ) -> Renewed:
        """A new token for the same session; the old one ends. Sockets and subscriptions stay."""

    @overload
    async def call(
        self, method: Literal["session.resume"], params: SessionResumeParams, *, timeout: float | None = None
    ) -> Resumed:
        """Signs the connection in with a token."""

    @overload
    async def call(
        self, method: Literal["subscription.close"], params: SubscriptionCloseParams, *, timeout: float | None = None
    ) -> Nothing:
        """Ends one. Nothing of it arrives after this reply."""

    @overload
    async def call(
        self, method: Literal["subscription.explain"], params: SubscriptionExplainParams, *, timeout: float | None = None
    ) -> Explained:
        """Why a row is in a subscription or not: the filter, the rule, the positions."""

    @overload
    async def call(
        self, method: Literal["subscription.list"], params: Mapping[str, None] | None = None, *, timeout: float | None = None
    ) -> Subscriptions:
        """The subscriptions of this connection, with where each one is."""

    @overload
    async def call(
        self, method: Literal["subscription.sync"], params: Mapping[str, None] | None = None, *, timeout: float | None = None
    ) -> Synced:
        """A position, once everything committed before the call was sent, throttled or not."""

    @overload
    async def call(
        self, method: Literal["system.info"], params: Mapping[str, None] | None = None, *, timeout: float | None = None
    ) -> Information:
        """What server this is, its clock and its limits."""

    @overload
    async def call(
        self, method: Literal["user.create"], params: UserCreateParams, *, timeout: float | None = None
    ) -> UserCreated:
        """Makes an account and a session for it."""

    @overload
    async def call(
        self, method: Literal["user.delete"], params: UserDeleteParams | None = None, *, timeout: float | None = None
    ) -> Written:
        """Deletes a user, oneself when `id` is left out. Their sessions end."""

    @overload
    async def call(
        self, method: Literal["user.get"], params: UserGetParams, *, timeout: float | None = None
    ) -> UserReply:
        """One user, as the caller may see them."""

    @overload
    async def call(
        self, method: Literal["user.list"], params: UserListParams | None = None, *, timeout: float | None = None
    ) -> UserPage:
        """A page of rows in order."""

    @overload
    async def call(
        self, method: Literal["user.set_password"], params: UserSetPasswordParams, *, timeout: float | None = None
    ) -> Written:
        """Changes one's password. One's other sessions end, this one stays."""

    @overload
    async def call(
        self, method: Literal["user.subscribe"], params: UserSubscribeParams | None = None, *, timeout: float | None = None
    ) -> UserSnapshot | UserResumed:
        """Rows as they are, and from then on every change to them, without a gap."""

    @overload
    async def call(
        self, method: Literal["user.update"], params: UserUpdateParams, *, timeout: float | None = None
    ) -> UserUpdated:
        """Changes a user, oneself when `id` is left out."""

    async def call(self, method: str, params: Any = None, *, timeout: float | None = None) -> Any:
        """The result. Waits for the line when it is down. Raises CallError."""
        return await self._request(method, params, timeout)

    @overload
    def subscribe(
        self,
        resource: Literal["presence"],
        *,
        where: Mapping[str, Any] | None = None,
        fields: Sequence[PresenceField] | None = None,
        limit: int | None = None,
        interval_ms: int | None = None,
        stored: Stored[PresencePart] | None = None,
    ) -> Subscription[PresencePart]:
        ...

    @overload
    def subscribe(
        self,
        resource: Literal["user"],
        *,
        where: Mapping[str, Any] | None = None,
        fields: Sequence[UserField] | None = None,
        limit: int | None = None,
        interval_ms: int | None = None,
        stored: Stored[UserPart] | None = None,
    ) -> Subscription[UserPart]:
        ...

    def subscribe(
        self,
        resource: str,
        *,
        where: Mapping[str, Any] | None = None,
        fields: Sequence[str] | None = None,
        limit: int | None = None,
        interval_ms: int | None = None,
        stored: Stored[Any] | None = None,
    ) -> Subscription[Any]:
        """Rows that match, live. To a copy that was `stored` only what has changed since is sent."""
        return self._follow(resource, where, fields, limit, interval_ms, stored)

    @overload
    def on(
        self, event: Literal["state"], listener: Callable[[State], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["token"], listener: Callable[[str], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["presence.changed"], listener: Callable[[PresenceChangedParams], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["server.draining"], listener: Callable[[ServerDrainingParams], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["session.ended"], listener: Callable[[SessionEndedParams], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["session.expiring"], listener: Callable[[SessionExpiringParams], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["subscription.closed"], listener: Callable[[SubscriptionClosedParams], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["user.changed"], listener: Callable[[UserChangedParams], object]
    ) -> Callable[[], None]:
        ...

    def on(self, event: str, listener: Callable[[Any], object]) -> Callable[[], None]:
        """Listens to a notification, to `state` or `token`. Returns what ends that."""
        return self._listen(event, listener)


class BlockingConnection(BlockingLine):
    """A Connection for scripts and game loops, whose methods wait for their results."""

    connection = Connection

    @overload
    def call(
        self, method: Literal["presence.list"], params: PresenceListParams | None = None, *, timeout: float | None = None
    ) -> PresencePage:
        """A page of rows in order."""

    @overload
    def call(
        self, method: Literal["presence.subscribe"], params: PresenceSubscribeParams | None = None, *, timeout: float | None = None
    ) -> PresenceSnapshot | PresenceResumed:
        """Rows as they are, and from then on every change to them, without a gap."""

    @overload
    def call(
        self, method: Literal["rpc.cancel"], params: RpcCancelParams, *, timeout: float | None = None
    ) -> Cancelled:
        """Stops a call of this connection that is under way; it is answered with `cancelled`."""

    @overload
    def call(
        self, method: Literal["rpc.discover"], params: Mapping[str, None] | None = None, *, timeout: float | None = None
    ) -> OpenRPC:
        """The OpenRPC document of this server."""

    @overload
    def call(
        self, method: Literal["rpc.ping"], params: Mapping[str, None] | None = None, *, timeout: float | None = None
    ) -> Pong:
        """That the server answers, and the head of the change log."""

    @overload
    def call(
        self, method: Literal["session.create"], params: SessionCreateParams, *, timeout: float | None = None
    ) -> SignedIn:
        """Signs in with email and password, and signs the connection in."""

    @overload
    def call(
        self, method: Literal["session.delete"], params: SessionDeleteParams | None = None, *, timeout: float | None = None
    ) -> Nothing:
        """Ends a session, this one when `id` is left out. Its sockets close on every node."""

    @overload
    def call(
        self, method: Literal["session.list"], params: SessionListParams | None = None, *, timeout: float | None = None
    ) -> Sessions:
        """Where one is signed in, the newest first. Another's sessions only an admin may list."""

    @overload
    def call(
        self, method: Literal["session.renew"], params: SessionRenewParams | None = None, *, timeout: float | None = None
    ) -> Renewed:
        """A new token for the same session; the old one ends. Sockets and subscriptions stay."""

    @overload
    def call(
        self, method: Literal["session.resume"], params: SessionResumeParams, *, timeout: float | None = None
    ) -> Resumed:
        """Signs the connection in with a token."""

    @overload
    def call(
        self, method: Literal["subscription.close"], params: SubscriptionCloseParams, *, timeout: float | None = None
    ) -> Nothing:
        """Ends one. Nothing of it arrives after this reply."""

    @overload
    def call(
        self, method: Literal["subscription.explain"], params: SubscriptionExplainParams, *, timeout: float | None = None
    ) -> Explained:
        """Why a row is in a subscription or not: the filter, the rule, the positions."""

    @overload
    def call(
        self, method: Literal["subscription.list"], params: Mapping[str, None] | None = None, *, timeout: float | None = None
    ) -> Subscriptions:
        """The subscriptions of this connection, with where each one is."""

    @overload
    def call(
        self, method: Literal["subscription.sync"], params: Mapping[str, None] | None = None, *, timeout: float | None = None
    ) -> Synced:
        """A position, once everything committed before the call was sent, throttled or not."""

    @overload
    def call(
        self, method: Literal["system.info"], params: Mapping[str, None] | None = None, *, timeout: float | None = None
    ) -> Information:
        """What server this is, its clock and its limits."""

    @overload
    def call(
        self, method: Literal["user.create"], params: UserCreateParams, *, timeout: float | None = None
    ) -> UserCreated:
        """Makes an account and a session for it."""

    @overload
    def call(
        self, method: Literal["user.delete"], params: UserDeleteParams | None = None, *, timeout: float | None = None
    ) -> Written:
        """Deletes a user, oneself when `id` is left out. Their sessions end."""

    @overload
    def call(
        self, method: Literal["user.get"], params: UserGetParams, *, timeout: float | None = None
    ) -> UserReply:
        """One user, as the caller may see them."""

    @overload
    def call(
        self, method: Literal["user.list"], params: UserListParams | None = None, *, timeout: float | None = None
    ) -> UserPage:
        """A page of rows in order."""

    @overload
    def call(
        self, method: Literal["user.set_password"], params: UserSetPasswordParams, *, timeout: float | None = None
    ) -> Written:
        """Changes one's password. One's other sessions end, this one stays."""

    @overload
    def call(
        self, method: Literal["user.subscribe"], params: UserSubscribeParams | None = None, *, timeout: float | None = None
    ) -> UserSnapshot | UserResumed:
        """Rows as they are, and from then on every change to them, without a gap."""

    @overload
    def call(
        self, method: Literal["user.update"], params: UserUpdateParams, *, timeout: float | None = None
    ) -> UserUpdated:
        """Changes a user, oneself when `id` is left out."""

    def call(self, method: str, params: Any = None, *, timeout: float | None = None) -> Any:
        """The result, once it is here. Raises CallError."""
        return self._request(method, params, timeout)

    @overload
    def subscribe(
        self,
        resource: Literal["presence"],
        *,
        where: Mapping[str, Any] | None = None,
        fields: Sequence[PresenceField] | None = None,
        limit: int | None = None,
        interval_ms: int | None = None,
        stored: Stored[PresencePart] | None = None,
    ) -> BlockingSubscription[PresencePart]:
        ...

    @overload
    def subscribe(
        self,
        resource: Literal["user"],
        *,
        where: Mapping[str, Any] | None = None,
        fields: Sequence[UserField] | None = None,
        limit: int | None = None,
        interval_ms: int | None = None,
        stored: Stored[UserPart] | None = None,
    ) -> BlockingSubscription[UserPart]:
        ...

    def subscribe(
        self,
        resource: str,
        *,
        where: Mapping[str, Any] | None = None,
        fields: Sequence[str] | None = None,
        limit: int | None = None,
        interval_ms: int | None = None,
        stored: Stored[Any] | None = None,
    ) -> BlockingSubscription[Any]:
        """Rows that match, live. To a copy that was `stored` only what has changed since is sent."""
        return self._follow(resource, where, fields, limit, interval_ms, stored)

    @overload
    def on(
        self, event: Literal["state"], listener: Callable[[State], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["token"], listener: Callable[[str], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["presence.changed"], listener: Callable[[PresenceChangedParams], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["server.draining"], listener: Callable[[ServerDrainingParams], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["session.ended"], listener: Callable[[SessionEndedParams], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["session.expiring"], listener: Callable[[SessionExpiringParams], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["subscription.closed"], listener: Callable[[SubscriptionClosedParams], object]
    ) -> Callable[[], None]:
        ...

    @overload
    def on(
        self, event: Literal["user.changed"], listener: Callable[[UserChangedParams], object]
    ) -> Callable[[], None]:
        ...

    def on(self, event: str, listener: Callable[[Any], object]) -> Callable[[], None]:
        """Listens to a notification, to `state` or `token`. Returns what ends that."""
        return self._listen(event, listener)
