"""Kinesight: Kinesis Video Streams images in, detections and evidence out.

domain/         what the pipeline decides, pure; one module per verb
media/          fragments and Matroska, pure Python
adapters/       the only modules that call AWS: a folder per technology, a module per port
settings.py     settings that functions share; environment.py reads them
wiring/         settings and adapters, joined and cached
observability.py  logger, metrics, tracer and the handler decorator
"""
