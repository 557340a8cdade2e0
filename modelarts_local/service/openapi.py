"""The service's description of itself as OpenAPI 3.1, at /openapi.json; docs/serving.md tells the same to people."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

from ..platform_rules import (
    CODE_ANSWERED_TOO_LATE,
    CODE_BODY_TOO_LARGE,
    CODE_CONNECTION_TIMEOUT,
    CODE_HANDLER_FAILED,
    CODE_INVALID_BODY,
    CODE_METHOD_NOT_ALLOWED,
    CODE_SERVICE_DOWN,
    CODE_TOO_MANY_REQUESTS,
    CODE_UNKNOWN_URL,
    CODE_WRONG_APP_CREDENTIALS,
    CODE_WRONG_CREDENTIALS,
    MAX_BODY_BYTES,
    REQUEST_LIMIT_S,
)
from .health import STATES
from .metrics import CONTENT_TYPE

PATH = "/openapi.json"
JSON = "application/json"
Described = Dict[str, Any]

# What each refusal means; those of the connection may come to any request
_OF_ANY_REQUEST = {
    400: f"The bytes are no request of HTTP/1.1 ({CODE_INVALID_BODY}).",
    408: f"Line, headers or body came too slowly ({CODE_CONNECTION_TIMEOUT}).",
    431: f"Line and headers are too long ({CODE_INVALID_BODY}).",
    503: f"Too many connections are open ({CODE_TOO_MANY_REQUESTS}).",
}
_OF_A_PREDICTION = {
    **_OF_ANY_REQUEST,
    400: f"The body holds no picture where it should ({CODE_INVALID_BODY}), or the handler refuses the picture "
    f"({CODE_HANDLER_FAILED}).",
    401: f"With --auth: the request proves itself by nothing, or by what is wrong ({CODE_WRONG_CREDENTIALS}, "
    f"{CODE_WRONG_APP_CREDENTIALS}).",
    405: f"This path takes another method ({CODE_METHOD_NOT_ALLOWED}).",
    413: f"The body has more than {MAX_BODY_BYTES} bytes ({CODE_BODY_TOO_LARGE}).",
    500: f"The handler raised something else, or its process ended ({CODE_HANDLER_FAILED}).",
    503: f"Too many requests wait ({CODE_TOO_MANY_REQUESTS}), or the model does not answer now ({CODE_SERVICE_DOWN}). "
    "Without Retry-After, waiting does not help.",
    504: f"The request was not answered within {REQUEST_LIMIT_S:g} s ({CODE_ANSWERED_TOO_LATE}).",
}


def describe_service(inputs_of: Mapping[str, Sequence[str]]) -> Described:
    """Return the description of a service. inputs_of: the fields that each model reads, the default one first."""
    models = list(inputs_of)
    default = inputs_of[models[0]]
    by_id = _prediction("Ask one model", "askModel", list(inputs_of.values()))
    by_id["parameters"] = [
        {
            **_in_path(
                "service_id", "The name of a model; any other id is the first model's, as with a service of one."
            ),
            "examples": {name: {"value": name} for name in models},
        }
    ]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "A model package, served as ModelArts serves it",
            "version": "1",
            "description": "Written for programs; a browser finds a page to try pictures at the same address.",
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/": {"get": _usage(), "post": _prediction("Ask the first model", "ask", [default])},
            "/v1/infers/{service_id}": {"post": by_id},
            "/health": {"get": _health("Whether all models can answer", "health", "Health")},
            "/health/{name}": {"get": _health_of_one(models)},
            "/metrics": {"get": _get("Counts and times for Prometheus", "metrics", {CONTENT_TYPE: {}})},
            PATH: {"get": _get("This description", "openapi", {JSON: {"schema": {"type": "object"}}})},
        },
        "components": {"schemas": _schemas(), "securitySchemes": _security_schemes()},
    }


def _prediction(summary: str, operation_id: str, inputs: Sequence[Sequence[str]]) -> Described:
    answer = {
        "description": "What customize_service.py returns.",
        "headers": {"X-Model-Name": _header("Which model answered."), **_request_id()},
        "content": {JSON: {"example": {"predicted_label": "cup", "scores": [["cup", 0.91], ["ewer", 0.05]]}}},
    }
    forms = sorted({tuple(names) for names in inputs})
    return {
        "summary": summary,
        "operationId": operation_id,
        # with --auth one of them, else none
        "security": [{}, {"token": []}, {"appcode": []}, {"aksk": []}],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": _any_of(forms, "A picture file.", {"format": "binary"})},
                JSON: {"schema": _any_of(forms, "A picture file as base64.", {"contentEncoding": "base64"})},
            },
        },
        "responses": {"200": answer, **_refusals(_OF_A_PREDICTION)},
    }


def _any_of(forms: Sequence[Sequence[str]], what: str, kind: Described) -> Described:
    schemas = [
        {
            "type": "object",
            "required": list(names),
            "properties": {name: {"type": "string", "description": what, **kind} for name in names},
        }
        for names in forms
    ]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _usage() -> Described:
    content = {JSON: {"schema": _reference("Usage")}, "text/html": {}}
    return _get("How to call the service; the test page where text/html is accepted", "usage", content)


def _health(summary: str, operation_id: str, schema: str) -> Described:
    described = _get(summary, operation_id, {JSON: {"schema": _reference(schema)}})
    not_now = f"It cannot answer, and says why; or too many connections are open ({CODE_TOO_MANY_REQUESTS})."
    schemas = {"anyOf": [_reference(schema), _reference("Error")]}
    described["responses"]["503"] = {"description": not_now, "content": {JSON: {"schema": schemas}}}
    return described


def _health_of_one(models: Sequence[str]) -> Described:
    described = _health("Whether one model can answer", "healthOfModel", "ModelHealth")
    examples = {name: {"value": name} for name in models}
    described["parameters"] = [{**_in_path("name", "The name of a model."), "examples": examples}]
    described["responses"].update(_refusals({404: f"No model is called so ({CODE_UNKNOWN_URL})."}))
    return described


def _get(summary: str, operation_id: str, content: Described) -> Described:
    answer = {"description": summary, "headers": _request_id(), "content": content}
    responses = {"200": answer, **_refusals(_OF_ANY_REQUEST)}
    return {"summary": summary, "operationId": operation_id, "responses": responses}


def _refusals(meanings: Mapping[int, str]) -> Described:
    refusals: Described = {}
    for status, meaning in meanings.items():
        refusals[str(status)] = {
            "description": meaning,
            "headers": _request_id(),
            "content": {JSON: {"schema": _reference("Error")}},
        }
        if status == 503:
            refusals["503"]["headers"] = {**_request_id(), "Retry-After": _header("Seconds.", "integer")}
    return refusals


def _schemas() -> Described:
    text = {"type": "string"}
    state = {"health": {"enum": list(STATES)}, "reason": text}
    model_health = {"type": "object", "required": ["health"], "properties": state}
    each = {"type": "object", "additionalProperties": _reference("ModelHealth")}
    return {
        "Error": {
            "type": "object",
            "description": "A refusal; where the handler raised, with what the platform says of it.",
            "required": ["error_code", "error_msg", "request_id"],
            "properties": {
                "error_code": text,
                "error_msg": {"type": "string", "minLength": 1},
                "request_id": {"type": "string", "description": "X-Request-Id, under which the log has the request."},
                "erno": {"const": CODE_HANDLER_FAILED},
                "msg": text,
                "words_result": {"type": "object"},
            },
        },
        "ModelHealth": model_health,
        "Health": {**model_health, "required": ["health", "models"], "properties": {**state, "models": each}},
        "Usage": {
            "type": "object",
            "required": ["usage", "fields", "health", "description"],
            "properties": {
                "usage": {"type": "string", "description": "A command line of curl."},
                "fields": {"type": "array", "items": text},
                "health": text,
                "description": {"const": PATH},
                "models": {"type": "object", "additionalProperties": text},
            },
        },
    }


def _security_schemes() -> Described:
    return {
        "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"},
        "appcode": {"type": "apiKey", "in": "header", "name": "X-Apig-AppCode"},
        "aksk": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "SDK-HMAC-SHA256, as the platform's SDKs sign.",
        },
    }


def _in_path(name: str, what: str) -> Described:
    return {"name": name, "in": "path", "required": True, "description": what, "schema": {"type": "string"}}


def _request_id() -> Described:
    return {"X-Request-Id": _header("The number of the request, a client's own where it sent one.")}


def _header(what: str, kind: str = "string") -> Described:
    return {"description": what, "schema": {"type": kind}}


def _reference(schema: str) -> Described:
    return {"$ref": f"#/components/schemas/{schema}"}
