"""The operations of the three KVS APIs: parameters in, as botocore's models name them, response out. No HTTP here.

control.py         streams and their settings
archived_media.py  ListFragments, GetMediaForFragmentList
get_media.py       GetMedia: stored fragments, then live ones
get_images.py      GetImages
get_clip.py        GetClip
hls.py             HLS sessions; hls_playlists.py writes the playlists
documents.py       fragments as the consumers of GetMedia get them
body.py            a streamed response
tokens.py          NextToken
"""
