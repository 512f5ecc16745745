"""Media formats, without files or HTTP.

ingest.py     the PutMedia state machine
fragment.py   an ingested fragment and its tags
images.py     which frames become images, and the images
mux.py        fragments into MP4 and MPEG-TS
mp4_boxes.py  boxes of fragmented MP4
"""
