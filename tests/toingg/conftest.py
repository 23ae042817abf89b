from api_world import *  # noqa: F403 - its fixtures, which it lists
from serving import served as served
from toingg_world import *  # noqa: F403 - the same
