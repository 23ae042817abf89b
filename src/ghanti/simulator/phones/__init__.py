"""A bank of simulated phones with a SIP stack of its own; see docs/simulator.md."""

from ghanti.simulator.phones.bank import Options, PhonesUnavailableError, run

__all__ = ["Options", "PhonesUnavailableError", "run"]
