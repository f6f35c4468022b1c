"""What the `piccolo` command reads: the engine, and the app whose migrations it runs."""

from piccolo.conf.apps import AppRegistry

from server.database.engine import Engine
from server.database.locate import locate
from server.settings import Settings

DB = Engine(locate(Settings.load()))

APP_REGISTRY = AppRegistry(apps=["server.piccolo_app"])
