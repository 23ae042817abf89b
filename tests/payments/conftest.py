from api_world import *  # noqa: F403 - its fixtures, which it lists
from payment_world import *  # noqa: F403 - the same, its settings in place of the other's
from toingg_world import *  # noqa: F403 - the same
