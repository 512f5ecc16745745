"""Starts the runtimes of functions by forking a process that has imported what all of them import."""
