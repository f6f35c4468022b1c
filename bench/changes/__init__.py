"""What a change costs, from the COMMIT of its writer to the sockets of those who follow it.

In this process nothing is measured but CPU time and memory: it starts servers, `reader`s, which
hold the sockets, and a `writer`, gives them orders, and joins what they saw by the number that each
write carries. Their clock is one, so that a delay is the difference of two of its readings. No
delivery may be missing: a run in which one is fails.
"""
