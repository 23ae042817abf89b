from pathlib import Path

import pytest
from told_calls import Told

from engine_world import World, engine_database, engine_template, world

__all__ = ["engine_database", "engine_template", "world"]


@pytest.fixture
async def told(world: World, tmp_path: Path) -> Told:
    return await Told.opened(world, tmp_path)
