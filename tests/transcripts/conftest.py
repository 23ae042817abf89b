from engine_world import engine_database, engine_template, world

__all__ = ["engine_database", "engine_template", "world"]
