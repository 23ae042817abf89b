"""Supervision of processes: started in order, restarted when they crash, drained in reverse."""

from ghanti.supervisor.role import Role, State
from ghanti.supervisor.spawn import User, launch_command
from ghanti.supervisor.status import status_file
from ghanti.supervisor.supervisor import Supervisor

__all__ = ["Role", "State", "Supervisor", "User", "launch_command", "status_file"]
