"""Stream mode: the same agents behind Kinesis, in Lambda functions, with DynamoDB, S3 and SQS."""
