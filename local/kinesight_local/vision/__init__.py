"""Answers Rekognition, SageMaker and Bedrock calls by really looking, with OpenCV's classical detectors.

    looking.py      picture → people, faces and cats
    pictures.py     bytes → pixels, or an AWS error
    objects.py      S3, where calls name a picture there
    rekognition.py  DetectLabels and DetectFaces
    answers.py      what is found, in the forms that models of one's own answer in
    sagemaker.py    InvokeEndpoint and InvokeEndpointAsync
    bedrock.py      Converse, with a tool that takes objects
    http_model.py   a self-hosted model, at /models/<form>
    server.py       HTTP

What OpenCV can't tell (age, pose, other objects) is left out of answers, never invented.
"""
