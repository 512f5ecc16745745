"""Answers Rekognition, SageMaker and Bedrock calls by analyzing the image with OpenCV's classical detectors.

    detection.py           image → people, faces, cats and licence plates
    face_similarity.py     two faces → similarity
    decoding.py            bytes → pixels
    request_images.py      a Rekognition request's image, inline or in S3 → pixels, or an AWS error
    request_fields.py      a request's other fields, validated
    rekognition_shapes.py  boxes and faces in Rekognition's format
    rekognition.py         all operations by name; DetectLabels and DetectFaces
    face_collections.py    SearchFacesByImage and the collections it searches
    partial_operations.py  DetectProtectiveEquipment, DetectModerationLabels, DetectText
    custom_models.py       DetectCustomLabels, and models that start and stop
    model_outputs.py       detections in the output formats of common models
    s3_objects.py          S3, as an asynchronous endpoint uses it
    sagemaker.py           InvokeEndpoint and InvokeEndpointAsync
    bedrock.py             Converse, with a tool that takes objects
    http_model.py          a self-hosted model, at /models/<format>
    server.py              HTTP

Fields that OpenCV cannot compute (text, age, pose, other objects) are omitted or empty, never invented.
"""
