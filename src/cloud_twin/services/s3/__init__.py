"""S3: buckets, objects, listings and multipart uploads."""

from cloud_twin.services.s3.service import S3

__all__ = ["S3"]
