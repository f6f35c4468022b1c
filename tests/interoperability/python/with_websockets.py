"""https://websockets.readthedocs.io: frames as they are, ids by hand."""

import asyncio
import json
import sys
import uuid
from typing import Any

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol


async def main(url: str) -> None:
    async with connect(url, subprotocols=[Subprotocol("victoryvault.v1")]) as websocket:
        assert websocket.subprotocol == "victoryvault.v1"
        told = []

        async def call(method: str, **params: Any) -> Any:
            message = {
                "jsonrpc": "2.0",
                "method": method,
                "params": params,
                "id": str(uuid.uuid4()),
            }
            await websocket.send(json.dumps(message))
            async for text in websocket:
                reply = json.loads(text)
                if reply.get("id") == message["id"]:
                    return reply
                told.append(reply)
            raise AssertionError("closed")

        created = await call(
            "user.create",
            email=f"{uuid.uuid4()}@example.org",
            full_name="websockets",
            password="correct horse",
        )
        where = {"id": created["result"]["user"]["id"]}
        subscribed = await call("user.subscribe", where=where)

        await call("user.update", set={"status": "here"})
        (notification,) = told  # it comes before the reply of the call that causes it
        assert notification["method"] == "user.changed"
        (change,) = notification["params"]["changes"]
        assert (change["op"], change["set"]["status"]) == ("change", "here")

        assert (await call("user.no"))["error"]["code"] == -32601
        error = (await call("user.update", set={"status": 7}))["error"]
        assert (error["code"], error["data"]["path"]) == (-32602, "set.status")

        await call("subscription.close", subscription=subscribed["result"]["subscription"])
    assert websocket.close_code == 1000
    print(f"websockets was told of {change['set']['status']}")  # noqa: T201


asyncio.run(main(sys.argv[1]))
