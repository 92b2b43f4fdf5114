"""AWS services as targets. Everything that knows boto3 or botocore in squall's targets is here."""

from squall.targets.aws.address import SCHEMES, parse_kinesis, parse_lambda
from squall.targets.aws.front_target import FrontTarget
from squall.targets.aws.kinesis_target import KinesisTarget
from squall.targets.aws.lambda_target import LambdaTarget

AwsTarget = FrontTarget | KinesisTarget | LambdaTarget
"""Those that know where AWS is."""

__all__ = [
    "SCHEMES",
    "AwsTarget",
    "FrontTarget",
    "KinesisTarget",
    "LambdaTarget",
    "parse_kinesis",
    "parse_lambda",
]
