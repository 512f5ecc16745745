"""How the local cloud creates CloudFormation resources: one class per resource type, listed in catalogue.py.

moto's CloudFormation creates what it supports; these classes create the rest from the same expanded template.

    base.py                   Resource, ResourceType, Deployment: the interface
    catalogue.py              the list of resource types
    moto_template.py          the copy of the template that moto's CloudFormation deploys
    functions.py              AWS::Lambda::Function: invocations and log shipping
    event_source_mappings.py  AWS::Lambda::EventSourceMapping: polled here, because moto would start containers
    buckets.py                AWS::S3::Bucket: event notifications
    queue_policies.py         AWS::SQS::QueuePolicy: readable, not enforced
    subscriptions.py          AWS::SNS::Subscription: no mail is sent
    state_machines.py         AWS::StepFunctions::StateMachine: executed by moto
    scheduled_rules.py        AWS::Events::Rule: rates fire, cron expressions don't
    web_front.py              CloudFront and API Gateway: served by viewer.py
    not_created.py            types that the local cloud leaves out, with the reasons
    custom_resources.py       Custom::*: functions that moto calls during create, and the stack before delete
    response_receiver.py      the ResponseURL of custom resources
"""
