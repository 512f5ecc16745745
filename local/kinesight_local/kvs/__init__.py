"""A Kinesis Video Streams emulator that AWS's own clients can't tell apart, as far as it goes.

    urls.py        path → operation, from botocore's models
    validation.py  the checks that botocore leaves to the service
    service.py     the operations: parameters in, answer out
    streams.py     streams and their configurations
    store.py       fragments on disk with an index
    ingest.py      the PutMedia state machine, without any I/O
    images.py      image generation: which frames, and the pictures
    delivery.py    pictures to S3, notifications to SNS, in the background
    server.py      HTTP

Here so far: the stream operations of the control plane but UpdateStream and storage tiers, PutMedia, ListFragments,
GetMediaForFragmentList, image generation, notifications.
"""
