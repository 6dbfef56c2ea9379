"""The page about the API says what the OpenAPI document says, all of it."""

import html
import json
import re

import pytest
from django.test import Client

from billing.api import api
from billing.api.problems import KINDS
from billing.api.reference import Reference

pytestmark = pytest.mark.django_db


def page() -> str:
    return html.unescape(Client().get("/docs/api/").content.decode())


def test_it_has_every_operation_parameter_field_and_answer() -> None:
    document = Client().get("/api/v1/openapi.json").json()
    text, names = page(), set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            (shown,) = re.findall(
                rf'<section class="card operation" id="{operation["operationId"]}".*?</section>', text, re.S
            )
            assert f'<span class="method">{method.upper()}</span> <code>{path}</code>' in shown
            assert operation["summary"] in shown
            names |= {parameter["name"] for parameter in operation.get("parameters", ())}
            for parameter in operation.get("parameters", ()):
                assert f"<code>{parameter['name']}</code>" in shown
            for status, answer in operation["responses"].items():
                assert f"{status} " in shown or f"<strong>{status}</strong>" in shown
                for name in answer["content"].get("application/problem+json", {}).get("examples", {}):
                    assert f'<a href="/api/problems/{name}/">' in shown
    assert {"Idempotency-Key", "Clever-Wallet", "cursor", "from"} <= names
    for schema in document["components"]["schemas"].values():
        for name in schema.get("properties", {}):
            assert re.search(rf"<code>([\w.\[\]]+\.)?{name}</code>", text), name


def test_members_within_members_are_named_by_their_path() -> None:
    groups = Reference(api.get_openapi_schema()).groups
    operations = {operation.code: operation for group in groups for operation in group.operations}
    run = {field.name: field for field in operations["charge_workflow"].body}
    assert (run["nodes"].kind, run["nodes"].is_required) == ("list of object", True)
    assert (run["nodes[].quantity"].kind, run["nodes[].quantity"].is_required) == ("whole number or null", False)
    assert "from 1" in run["nodes[].quantity"].bounds
    assert [answer.status for answer in operations["charge"].answers] == ["201"]
    assert {"402", "409", "422", "429", "503"} <= {answer.status for answer in operations["charge"].refusals}
    assert json.loads(operations["charge"].request)["feature"] == "gpt-4o"


def test_it_explains_every_problem() -> None:
    text = page()
    for kind in KINDS.values():
        assert f'<a href="/api/problems/{kind.name}/">{kind.title}</a>' in text


def test_search_engines_may_read_it_and_nothing_on_it_is_inline() -> None:
    answer = Client().get("/docs/api/")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "noindex" not in text
    assert re.search(r'<link rel="canonical" href="[^"]+/docs/api/">', text)
    assert " style=" not in text
    assert "<style" not in text
    assert "'unsafe" not in answer["Content-Security-Policy"]
    robots = Client().get("/robots.txt").content.decode()
    assert "/docs" not in robots
    assert "/api" not in robots
