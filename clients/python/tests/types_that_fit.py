"""Checked by mypy, never run: what is wrong must not pass, and what is right must."""

from collections.abc import Sequence

from victoryvault_client import BlockingConnection, CallError, Connection, Stored

connection = Connection("wss://example.org/rpc", token=lambda: None)


async def right() -> str:
    name: str = (await connection.call("user.get", {"id": "x"}))["user"]["full_name"]
    await connection.call("rpc.ping")
    await connection.call("session.list", {}, timeout=1)
    connection.on("server.draining", lambda told: told["reconnect_in_ms"] + 1)
    connection.on("state", lambda state: state == "open")
    async with connection.subscribe("user", fields=["status"]) as users:
        async for change in users:
            if change["op"] == "leave":
                return change["reason"]
            if change["op"] != "reset":
                return str(change["set"])
        stored = Stored(users.position, list(users.rows.values()))
        version: int = users.rows["x"]["version"]
        connection.subscribe("user", stored=stored)
    try:
        await users.ready()
    except CallError as error:
        return error.kind
    return f"{name} {version}"


def right_in_a_script(script: BlockingConnection) -> str:
    names: Sequence[str] = [row["full_name"] for row in script.subscribe("user").rows.values()]
    return names[0] + script.call("user.update", {"set": {"status": "here"}})["position"]


async def wrong() -> None:
    await connection.call("user.got", {"id": "x"})  # type: ignore[call-overload]
    await connection.call("user.get")  # type: ignore[call-overload]
    await connection.call("user.get", {})  # type: ignore[call-overload]
    await connection.call("user.get", {"id": 1})  # type: ignore[call-overload]
    await connection.call("user.get", {"id": "x", "ids": []})  # type: ignore[call-overload]
    await connection.call("user.update", {"set": {"fullname": "A"}})  # type: ignore[call-overload]
    (await connection.call("user.get", {"id": "x"}))["users"]  # type: ignore[typeddict-item]
    connection.subscribe("users")  # type: ignore[call-overload]
    connection.subscribe("user", fields=["name"])  # type: ignore[call-overload]
    connection.subscribe("user").rows["x"]["name"]  # type: ignore[typeddict-item]
    connection.on("server.drained", print)  # type: ignore[call-overload]
    connection.subscribe("user").rows["x"] = {}  # type: ignore[index]
