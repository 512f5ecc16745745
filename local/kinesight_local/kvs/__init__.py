"""A Kinesis Video Streams emulator that AWS's own clients can't tell apart, as far as it goes.

    urls.py             path → operation, from botocore's models
    validation.py       the checks that botocore leaves to the service
    control.py          the operations on streams and their configurations
    archived_media.py   the operations on what was persisted
    tokens.py           NextToken
    service.py          one account and Region: the parts together
    streams.py          streams and their configurations: the rules
    store.py            fragments on disk with an index
    fragment.py         a fragment as it was taken in
    ingest.py           the PutMedia state machine, without any I/O
    images.py           image generation: which frames, and the pictures
    image_objects.py    pictures as S3 objects
    notifications.py    what SNS is told
    delivery.py         pictures and notifications in the background
    put_media.py        PutMedia on bare ASGI
    server.py           HTTP

Here so far: the stream operations of the control plane but UpdateStream and storage tiers, PutMedia, ListFragments,
GetMediaForFragmentList, image generation, notifications. Not here at all: signatures, quotas and throttling, KMS.
"""
