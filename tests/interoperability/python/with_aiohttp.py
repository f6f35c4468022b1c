"""https://docs.aiohttp.org: a session makes sockets and POSTs alike."""

import asyncio
import sys
import uuid
from typing import Any

import aiohttp


async def main(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url, compress=15) as socket:
            told = []

            async def call(method: str, params: list[Any]) -> Any:
                id_ = str(uuid.uuid4())
                await socket.send_json(
                    {"jsonrpc": "2.0", "method": method, "params": params, "id": id_}
                )
                async for message in socket:
                    reply = message.json()
                    if reply.get("id") == id_:
                        return reply
                    told.append(reply)
                raise AssertionError("closed")

            email = f"{uuid.uuid4()}@example.org"
            created = await call("user.create", [email, "aiohttp", "correct horse"])
            own = created["result"]["user"]["id"]
            subscribed = await call("user.subscribe", [{"id": own}])

            await call("user.update", [{"status": "here"}])
            (notification,) = told
            assert notification["method"] == "user.changed"
            (change,) = notification["params"]["changes"]
            assert (change["op"], change["set"]["status"]) == ("change", "here")

            assert (await call("user.no", []))["error"]["code"] == -32601
            error = (await call("user.update", [{"status": 7}]))["error"]
            assert (error["code"], error["data"]["path"]) == (-32602, "set.status")

            await call("subscription.close", [subscribed["result"]["subscription"]])
            assert await socket.close(code=1000)

        ask = {"jsonrpc": "2.0", "method": "user.get", "params": {"id": own}, "id": 0}
        bearer = {"Authorization": f"Bearer {created['result']['token']}"}
        address = url.replace("ws", "http", 1)
        async with session.post(address, json=ask, headers=bearer) as response:
            reply = await response.json()
        assert (reply["id"], reply["result"]["user"]["status"]) == (0, "here")
    print(f"aiohttp was told of {change['set']['status']}")  # noqa: T201


asyncio.run(main(sys.argv[1]))
