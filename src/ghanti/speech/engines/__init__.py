"""Engines: what turns normalised text into sound."""
