"""S3's errors, in its own words."""

from __future__ import annotations

from cloud_twin.errors import AwsError


def no_such_bucket(bucket: str) -> AwsError:
    """404."""
    message = "The specified bucket does not exist"
    return AwsError("NoSuchBucket", message, 404, {"BucketName": bucket})


def no_such_key(key: str) -> AwsError:
    """404."""
    return AwsError("NoSuchKey", "The specified key does not exist.", 404, {"Key": key})


def no_such_upload(upload_id: str) -> AwsError:
    """404."""
    message = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have"
        " been aborted or completed."
    )
    return AwsError("NoSuchUpload", message, 404, {"UploadId": upload_id})


def precondition_failed(condition: str) -> AwsError:
    """412."""
    message = "At least one of the pre-conditions you specified did not hold"
    return AwsError("PreconditionFailed", message, 412, {"Condition": condition})


def not_implemented(header: str) -> AwsError:
    """501: a header or query parameter asks for what is not offered."""
    message = "A header you provided implies functionality that is not implemented"
    return AwsError("NotImplemented", message, 501, {"Header": header})


def invalid_argument(message: str, name: str, value: str) -> AwsError:
    """400."""
    fields = {"ArgumentName": name, "ArgumentValue": value}
    return AwsError("InvalidArgument", message, 400, fields)


def invalid_request(message: str) -> AwsError:
    """400."""
    return AwsError("InvalidRequest", message)


def malformed_xml() -> AwsError:
    """400."""
    message = (
        "The XML you provided was not well-formed or did not validate against our published schema"
    )
    return AwsError("MalformedXML", message)


def slow_down() -> AwsError:
    """503; SDKs treat it as throttling."""
    return AwsError("SlowDown", "Please reduce your request rate.", 503, sender=False)
