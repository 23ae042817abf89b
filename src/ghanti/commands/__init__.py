"""The commands of ``ghanti``, a module each. What they need is imported when they run: help is instant."""
