"""https://github.com/permitio/fastapi_websocket_pubsub#usage, on uvicorn as it is installed."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI
from fastapi_websocket_pubsub import PubSubEndpoint  # type: ignore[import-not-found]

app = FastAPI()
PubSubEndpoint().register_route(app, "/pubsub")


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
