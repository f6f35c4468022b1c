"""What it costs to tell a thousand clients, and to answer one, beside servers that others wrote.

Each peer is a few lines in `servers`, as its own documentation writes them; `installation` fetches
them into a cache, never into this project. `crowd` holds all sockets in one thread of C, `floor` is
a server in C that does no more than a `send()` for each delivery: the price of the kernel, which
every figure is compared with. All are measured in turn in one run, by the CPU time of the server.
"""
