"""What a call costs, measured against raw asyncpg doing the same statements.

Server and baseline run by turns within the same minute, on the same database, with the same number
of calls under way and the same pool.
"""
