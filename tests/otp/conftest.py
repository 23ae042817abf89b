from api_world import *  # noqa: F403 - its fixtures, which it lists
from engine_world import engine_database, engine_template, world

__all__ = ["engine_database", "engine_template", "world"]
