from engine_world import engine_database, engine_template, world
from hooks_world import account, hooks, receiver

__all__ = ["account", "engine_database", "engine_template", "hooks", "receiver", "world"]
