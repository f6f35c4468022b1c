"""What a call costs, measured against raw asyncpg doing the same statements: `python -m bench`.

Processes of their own, all of them real: PostgreSQL, the server by its command, the load, and the
baseline. Server and baseline run by turns within the same minute, on the same database, with the
same number of calls under way and the same pool, so that a noisy machine is noisy for both.
"""
