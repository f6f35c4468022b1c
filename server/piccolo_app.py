"""The app that Piccolo's commands know: `piccolo migrations forwards victoryvault`."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from server import resources

NAME = "victoryvault"

APP_CONFIG = AppConfig(
    app_name=NAME,
    migrations_folder_path=str(Path(__file__).parent.parent / "piccolo_migrations"),
    table_classes=resources.tables(),
    migration_dependencies=[],
    commands=[],
)
