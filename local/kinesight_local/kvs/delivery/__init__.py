"""Delivery of images to S3 and of notifications to SNS, in background threads.

worker.py         the queues and their threads
image_objects.py  images as S3 objects
notifications.py  SNS messages
"""
