"""Fault injection between functions and AWS services; kvs/faults.py is the Kinesis Video Streams emulator's own.

proxy.py            an HTTP proxy that fails calls by rules
error_responses.py  errors in each service's protocol
"""
