"""Resource types that the local cloud leaves out. Where another resource refers to one, it gets its logical id.

Alarms         moto's CloudFormation does not support them, and no operator is paged by a laptop
Bucket policy  moto enforces it without its conditions, so that TlsOnly would deny every request
Cognito        no sign-in: a token in the viewer's URL replaces it
Invoke config, permissions, IAM policies, topic policies: every caller here has every permission
Layer version  a folder on the functions' import path
"""

from kinesight_local.resources.base import ResourceType


class NotCreated(ResourceType):
    """Neither moto nor the local cloud creates these."""

    handles = frozenset(
        {
            "AWS::ApiGatewayV2::Api",
            "AWS::ApiGatewayV2::Authorizer",
            "AWS::ApiGatewayV2::Stage",
            "AWS::CloudFront::OriginAccessControl",
            "AWS::CloudWatch::Alarm",
            "AWS::Cognito::UserPool",
            "AWS::Cognito::UserPoolClient",
            "AWS::Cognito::UserPoolDomain",
            "AWS::Cognito::UserPoolUser",
            "AWS::IAM::Policy",
            "AWS::IAM::RolePolicy",
            "AWS::Lambda::EventInvokeConfig",
            "AWS::Lambda::LayerVersion",
            "AWS::Lambda::Permission",
            "AWS::S3::BucketPolicy",
            "AWS::SNS::TopicPolicy",
        }
    )
