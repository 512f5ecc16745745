"""The composition root, one module per function, so that each imports only what it uses.

Settings and clients are made at a function's first invocation and kept by the warm environment.
"""
