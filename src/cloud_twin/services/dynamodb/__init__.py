"""DynamoDB of the twin: tables with capacity, expressions, transactions and expiry."""

from cloud_twin.services.dynamodb.service import DynamoDb

__all__ = ["DynamoDb"]
