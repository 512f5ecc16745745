"""HTTP.

threaded_server.py  an ASGI application on a port, in a thread
request_check.py    refuses what web pages of other sites request
put_media.py        PutMedia on bare ASGI
hls_routes.py       playlists and segments
admin_routes.py     the emulator's own API: health, statistics, faults
error_responses.py  errors as the service sends them
fault_responses.py  slow and cut responses
"""
