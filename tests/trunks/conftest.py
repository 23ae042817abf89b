import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "dialing"))

from engine_world import engine_database, engine_template, world

__all__ = ["engine_database", "engine_template", "world"]
