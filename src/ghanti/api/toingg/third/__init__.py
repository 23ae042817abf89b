"""The third generation, under /api/v3: bearer tokens, answers of ``status``, ``message`` and ``result``."""
