from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-24T10:29:14:254452"
VERSION = "1.38.0"
DESCRIPTION = "what a user can hold, whoever writes it"

UP = (
    r'''ALTER TABLE users ADD CONSTRAINT users_profile_object CHECK (jsonb_typeof(profile) = 'object')''',
)
DOWN = (
    r'''ALTER TABLE users DROP CONSTRAINT users_profile_object''',
)


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="victoryvault", description=DESCRIPTION)

    async def up():
        for statement in UP:
            await engine_finder().run_ddl(statement)

    async def down():
        for statement in DOWN:
            await engine_finder().run_ddl(statement)

    manager.add_raw(up)
    manager.add_raw_backwards(down)
    return manager
