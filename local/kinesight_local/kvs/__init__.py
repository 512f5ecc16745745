"""A Kinesis Video Streams emulator for AWS's own clients; docs/local-kvs.md describes how exact it is.

It imports nothing else of kinesight_local.

server.py        KvsServer: the emulator on a port
service.py       one account and Region without HTTP: the parts together
testing.py       a pytest fixture
faults.py        fault injection
quotas.py        the service's quotas
timing.py        the service's timeouts
undocumented.py  behaviour that AWS does not document, to choose
exceptions.py    the service's errors
aws_models.py    path → operation, from botocore's models
validation.py    parameter checks that botocore leaves to the service
live_edge.py     GetMedia readers that wait for the next fragment
http/            the HTTP server, PutMedia, HLS addresses, the admin API
operations/      one module per API or operation
delivery/        images and notifications in the background
storage/         streams and fragments on disk
media/           Matroska, MP4, MPEG-TS, images
"""
