"""The embedded local cloud: moto, a Kinesis Video Streams emulator, a vision service, functions as processes.

Loopback only, state in one folder, never deployed.
"""
