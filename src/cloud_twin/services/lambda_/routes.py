"""Paths of the served operations, from botocore's own model (2015-03-31)."""

from __future__ import annotations

from cloud_twin.service import Route

_F = "/2015-03-31/functions"
_ONE = f"{_F}/{{FunctionName}}"
_MAPPINGS = "/2015-03-31/event-source-mappings"
_ASYNC = "/2019-09-25/functions/{FunctionName}/event-invoke-config"
_TAGS = "/2017-03-31/tags/{Resource+}"

ROUTES = (
    Route("POST", _F, "CreateFunction"),
    Route("GET", _F, "ListFunctions"),
    Route("GET", _ONE, "GetFunction"),
    Route("DELETE", _ONE, "DeleteFunction"),
    Route("GET", f"{_ONE}/configuration", "GetFunctionConfiguration"),
    Route("PUT", f"{_ONE}/configuration", "UpdateFunctionConfiguration"),
    Route("PUT", f"{_ONE}/code", "UpdateFunctionCode"),
    Route("POST", f"{_ONE}/versions", "PublishVersion"),
    Route("GET", f"{_ONE}/versions", "ListVersionsByFunction"),
    Route("POST", f"{_ONE}/aliases", "CreateAlias"),
    Route("GET", f"{_ONE}/aliases", "ListAliases"),
    Route("GET", f"{_ONE}/aliases/{{Name}}", "GetAlias"),
    Route("PUT", f"{_ONE}/aliases/{{Name}}", "UpdateAlias"),
    Route("DELETE", f"{_ONE}/aliases/{{Name}}", "DeleteAlias"),
    Route("POST", f"{_ONE}/invocations", "Invoke"),
    Route("PUT", "/2017-10-31/functions/{FunctionName}/concurrency", "PutFunctionConcurrency"),
    Route("GET", "/2019-09-30/functions/{FunctionName}/concurrency", "GetFunctionConcurrency"),
    Route(
        "DELETE", "/2017-10-31/functions/{FunctionName}/concurrency", "DeleteFunctionConcurrency"
    ),
    Route("PUT", _ASYNC, "PutFunctionEventInvokeConfig"),
    Route("POST", _ASYNC, "UpdateFunctionEventInvokeConfig"),
    Route("GET", _ASYNC, "GetFunctionEventInvokeConfig"),
    Route("DELETE", _ASYNC, "DeleteFunctionEventInvokeConfig"),
    Route("GET", f"{_ASYNC}/list", "ListFunctionEventInvokeConfigs"),
    Route("POST", _MAPPINGS, "CreateEventSourceMapping"),
    Route("GET", _MAPPINGS, "ListEventSourceMappings"),
    Route("GET", f"{_MAPPINGS}/{{UUID}}", "GetEventSourceMapping"),
    Route("PUT", f"{_MAPPINGS}/{{UUID}}", "UpdateEventSourceMapping"),
    Route("DELETE", f"{_MAPPINGS}/{{UUID}}", "DeleteEventSourceMapping"),
    Route("GET", _TAGS, "ListTags"),
    Route("POST", _TAGS, "TagResource"),
    Route("DELETE", _TAGS, "UntagResource"),
    Route("GET", "/2016-08-19/account-settings", "GetAccountSettings"),
)
