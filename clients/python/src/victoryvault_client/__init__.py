"""The client of VictoryVault: calls and live subscriptions that survive a bad line.

Four words: Connection, call, Subscription, CallError.
"""

from victoryvault_client.blocking import BlockingSubscription
from victoryvault_client.changes import Change
from victoryvault_client.errors import CallError
from victoryvault_client.generated import BlockingConnection, Connection
from victoryvault_client.line import State
from victoryvault_client.subscription import Stored, Subscription

__all__ = [
    "BlockingConnection",
    "BlockingSubscription",
    "CallError",
    "Change",
    "Connection",
    "State",
    "Stored",
    "Subscription",
]
