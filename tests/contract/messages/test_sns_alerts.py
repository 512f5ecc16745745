"""SnsAlertChannel over moto."""

import json

import boto3
from kinesight.adapters.messages.sns_alerts import SnsAlertChannel
from kinesight.domain.ports import Alert


def test_an_alert_is_json_for_machines(aws: None) -> None:
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    url = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    SnsAlertChannel(sns, topic).send(Alert("subject", "text", {"resultId": "1"}, {"streamName": "cam"}))

    envelope = json.loads(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])
    assert envelope["Subject"] == "subject"
    assert json.loads(envelope["Message"]) == {"resultId": "1"}
    assert envelope["MessageAttributes"]["streamName"]["Value"] == "cam"
