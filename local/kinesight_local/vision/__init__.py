"""Answers Rekognition and SageMaker calls by really looking, with OpenCV's classical detectors.

    looking.py      picture → people, faces and cats
    pictures.py     bytes → pixels, or an AWS error
    rekognition.py  DetectLabels and DetectFaces
    sagemaker.py    InvokeEndpoint, as the built-in Object Detection algorithm answers
    server.py       HTTP

What OpenCV can't tell (age, pose, other objects) is left out of answers, never invented.
"""
