"""Who is online, while you are: `python presence.py EMAIL PASSWORD ws://127.0.0.1:8080/rpc`.

A line is printed whenever somebody comes or goes: who is signed in on any socket, on any node.
"""

import asyncio
import sys

from victoryvault_client import CallError, Connection


async def main(email: str, password: str, url: str) -> None:
    async with Connection(url) as connection:
        connection.on("state", lambda state: print(f"({state})"))
        await connection.call("session.create", {"email": email, "password": password})
        people = connection.subscribe("user", fields=["full_name"])
        online = connection.subscribe("presence", where={"online": True})
        async with people, online:

            def name(id_: str) -> str:
                return people.rows[id_]["full_name"] if id_ in people.rows else id_

            print("Online:", ", ".join(sorted(map(name, online.rows))))
            async for change in online:
                if change["op"] == "reset":
                    print("Online:", ", ".join(sorted(map(name, online.rows))))
                elif change["id"] in online.rows:
                    print(f"{name(change['id'])} has come")
                else:
                    print(f"{name(change['id'])} has gone")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [email, password, url]:
            try:
                asyncio.run(main(email, password, url))
            except CallError as error:
                sys.exit(f"{error} ({error.kind})")
            except KeyboardInterrupt:
                pass
        case _:
            sys.exit("usage: python presence.py EMAIL PASSWORD ws://127.0.0.1:8080/rpc")
