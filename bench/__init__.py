"""What a call and a change cost: `python -m bench`.

Processes of their own, all of them real: PostgreSQL, the server by its command, the load, and what
it is compared with, in the same minutes and on the same machine, so that a noisy machine is noisy
for all. `calls` holds the way of a call, `changes` that of a change, and here is what both need.
"""
