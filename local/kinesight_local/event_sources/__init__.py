"""Event source mappings with Lambda's semantics, against moto.

mappings.py  starts and ends the pollers of every mapping that moto's Lambda has
queues.py    SQS
streams.py   Kinesis
poller.py    what both have
"""
