"""Who is here, while you are: `python presence.py EMAIL PASSWORD ws://127.0.0.1:8080/rpc`.

Your status is what others see. A line is printed whenever somebody comes, goes or says another.
"""

import asyncio
import sys

from victoryvault_client import CallError, Connection


async def main(email: str, password: str, url: str) -> None:
    async with Connection(url) as connection:
        connection.on("state", lambda state: print(f"({state})"))
        await connection.call("session.create", {"email": email, "password": password})
        await connection.call("user.update", {"set": {"status": "here"}})
        try:
            here = connection.subscribe("user", where={"status": {"ne": ""}})
            async with here as people:
                names = {id_: row["full_name"] for id_, row in people.rows.items()}
                print("Here:", ", ".join(sorted(names.values())))
                async for change in people:
                    if change["op"] == "reset":
                        names = {id_: row["full_name"] for id_, row in people.rows.items()}
                    elif row := people.rows.get(change["id"]):
                        names[change["id"]] = row["full_name"]
                        print(f"{row['full_name']} is {row['status']}")
                    elif name := names.pop(change["id"], None):
                        print(f"{name} has gone")
        finally:
            await connection.call("user.update", {"set": {"status": ""}})


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except CallError as error:
        sys.exit(f"{error} ({error.kind})")
    except KeyboardInterrupt:
        pass
