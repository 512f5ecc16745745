"""Answers Rekognition, SageMaker and Bedrock calls by really looking, with OpenCV's classical detectors.

    looking.py           picture → people, faces, cats and licence plates
    likeness.py          two faces → how alike they look
    pictures.py          bytes → pixels
    images.py            a request's picture, inline or in S3 → pixels, or an AWS error
    request_fields.py    a request's other fields, checked
    answers.py           boxes and faces in Rekognition's words
    rekognition.py       all operations by name; DetectLabels and DetectFaces
    face_collections.py  SearchFacesByImage and the collections it searches
    partly_seen.py       DetectProtectiveEquipment, DetectModerationLabels, DetectText
    custom_models.py     DetectCustomLabels, and models that start and stop
    model_forms.py       what is found, in the forms that models of one's own answer in
    objects.py           S3, as an asynchronous endpoint uses it
    sagemaker.py         InvokeEndpoint and InvokeEndpointAsync
    bedrock.py           Converse, with a tool that takes objects
    http_model.py        a self-hosted model, at /models/<form>
    server.py            HTTP

What OpenCV can't tell (text, age, pose, other objects) is left out of answers, never invented.
"""
