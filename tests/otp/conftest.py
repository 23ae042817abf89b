from api_world import *  # noqa: F403 - its fixtures, which it lists
from engine_world import engine_database, engine_template, world
from serving import served

__all__ = ["engine_database", "engine_template", "served", "world"]
