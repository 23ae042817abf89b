"""Supervision of processes: started in order, restarted when they crash, drained in reverse."""
