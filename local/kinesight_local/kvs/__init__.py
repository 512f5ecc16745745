"""A Kinesis Video Streams emulator that AWS's own clients can't tell apart; docs/local-kvs.md says how exact it is.

urls.py             path → operation, from botocore's models
validation.py       the checks that botocore leaves to the service
control.py          the operations on streams and their configurations
archived_media.py   lists of fragments, and media by number
get_media.py        media from a place on, and live
get_images.py       pictures of a time range
clips.py            GetClip
hls.py              HLS sessions; hls_playlists.py their texts, hls_http.py their addresses
tokens.py           NextToken
service.py          one account and Region: the parts together
streams.py          streams and their configurations: the rules
store.py            fragments on disk with an index
tip.py              who waits for the next fragment
fragment.py         a fragment as it was taken in; reading.py the same from disk
documents.py        a fragment as consumers get it; body.py a streamed answer
mux.py              fragments into MP4 and MPEG-TS
ingest.py           the PutMedia state machine, without any I/O
put_media.py        PutMedia on bare ASGI
images.py           which frames, and the pictures of them
image_objects.py    pictures as S3 objects
notifications.py    what SNS is told
delivery.py         pictures and notifications in the background
quotas.py           what AWS refuses
faults.py           trouble on purpose
timing.py           how long the service waits
server.py           HTTP; answering.py slow and cut answers, own_http.py what the emulator tells about itself
testing.py          a pytest fixture
"""
