"""``python -m ghanti.voice``."""

import sys

from ghanti.voice.process import main

sys.exit(main())
