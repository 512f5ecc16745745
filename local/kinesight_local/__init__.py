"""The embedded local cloud: moto, a Kinesis Video Streams emulator, a vision service, functions as processes.

It listens on loopback only, keeps its state in one folder, and is never deployed.

    cloud.py            LocalCloud: all services, and one deployed stack
    build.py            `sam build`
    template.py         the built template, expanded
    deployment.py       the stack on moto; resources/ has one class per CloudFormation resource type
    functions.py        all functions, the stack's own and others; lambdas.py runs them as processes
    event_sources/      pollers for event source mappings; schedules.py for scheduled rules
    log_shipping.py     log files to CloudWatch Logs
    viewer.py           the viewer's page and API; http_api.py converts requests and results
    calls.py            counts AWS calls; aws_requests.py identifies them
    moto_support/       changes to moto
    fault_injection/    failing AWS calls
    kvs/                the Kinesis Video Streams emulator
    vision/             Rekognition, SageMaker and Bedrock on OpenCV
"""
