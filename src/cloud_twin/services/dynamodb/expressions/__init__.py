"""DynamoDB's expression language: read once, kept, bound to names and values, evaluated."""
