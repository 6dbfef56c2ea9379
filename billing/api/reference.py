"""The OpenAPI document, read as a page needs it: what can be asked, what it takes, what it answers.

Nothing here knows the API: what the document doesn't say, the page doesn't either.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
JSON, PROBLEM = "application/json", "application/problem+json"
BOUNDS = {
    "minimum": "from {:,}",
    "maximum": "to {:,}",
    "minLength": "at least {:,} characters",
    "maxLength": "at most {:,} characters",
    "minItems": "at least {:,}",
    "maxItems": "at most {:,}",
}
KINDS = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "object": "object",
    "null": "null",
}
FORMATS = {"date-time": "moment, ISO 8601", "date": "day, YYYY-MM-DD", "uri": "address"}

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a member of a body; `name` is its path, such as `nodes[].feature`."""

    name: str
    kind: str
    bounds: str
    description: str
    is_required: bool
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What may come back; `kinds` are the names and titles of the problems that it can be."""

    status: str
    phrase: str
    description: str
    kinds: dict[str, str] = field(default_factory=dict)
    example: str = ""
    fields: list[Field] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked."""

    code: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: list[Field]
    request: str
    answers: list[Answer]
    refusals: list[Answer]


@dataclass(frozen=True, slots=True)
class Group:
    """Operations that belong together."""

    name: str
    description: str
    operations: list[Operation]

    @property
    def code(self) -> str:
        """Its name as part of an address."""
        return self.name.lower().replace(" ", "-")


class Reference:
    """An OpenAPI 3.1 document as a page shows it."""

    def __init__(self, document: Schema) -> None:
        self._document = document
        self.version = str(document["info"]["version"])

    @cached_property
    def groups(self) -> list[Group]:
        """The operations by their first tag, in the order of the document."""
        about = {tag["name"]: tag.get("description", "") for tag in self._document.get("tags", ())}
        found: dict[str, list[Operation]] = {name: [] for name in about}
        for path, item in self._document["paths"].items():
            for method in METHODS:
                if method in item:
                    (name, *_) = item[method].get("tags") or ["Operations"]
                    found.setdefault(name, []).append(self._operation(path, method, item[method]))
        return [Group(name, about.get(name, ""), operations) for name, operations in found.items() if operations]

    def _operation(self, path: str, method: str, said: Schema) -> Operation:
        media = self._resolved(said.get("requestBody", {})).get("content", {}).get(JSON, {})
        answers = [self._answer(status, answer) for status, answer in said.get("responses", {}).items()]
        return Operation(
            code=said["operationId"],
            method=method.upper(),
            path=path,
            summary=said.get("summary", ""),
            description=said.get("description", ""),
            parameters=[self._parameter(self._resolved(each)) for each in said.get("parameters", ())],
            body=list(self._members(media.get("schema", {}))),
            request=self._example(media),
            answers=[answer for answer in answers if answer.status < "4"],
            refusals=[answer for answer in answers if answer.status >= "4"],
        )

    def _parameter(self, said: Schema) -> Field:
        schema = said.get("schema", {})
        description = said.get("description") or schema.get("description", "")
        place = "" if said["in"] == "query" else said["in"]
        return Field(
            said["name"], self._kind(schema), self._bounds(schema), description, said.get("required", False), place
        )

    def _answer(self, status: str, said: Schema) -> Answer:
        said = self._resolved(said)
        content = said.get("content", {})
        media = content.get(JSON) or content.get(PROBLEM) or {}
        phrase = HTTPStatus(int(status)).phrase if status.isdecimal() else ""
        fields = list(self._members(media.get("schema", {}))) if status < "4" else []
        kinds = {name: each.get("summary", name) for name, each in content.get(PROBLEM, {}).get("examples", {}).items()}
        return Answer(status, phrase, said.get("description", ""), kinds, self._example(media), fields)

    def _members(self, schema: Schema, prefix: str = "", seen: tuple[int, ...] = ()) -> Iterator[Field]:
        """Yield the members of an object, and of the objects within."""
        schema = self._content(schema)
        if id(schema) in seen:
            return
        if schema.get("type") == "array":
            yield from self._members(schema.get("items", {}), f"{prefix}[]", (*seen, id(schema)))
            return
        required = schema.get("required", ())
        for name, member in schema.get("properties", {}).items():
            path = f"{prefix}.{name}" if prefix else name
            inner = self._content(member)
            description = member.get("description") or inner.get("description", "")
            yield Field(path, self._kind(member), self._bounds(member), description, name in required)
            yield from self._members(member, path, (*seen, id(schema)))

    def _content(self, schema: Schema) -> Schema:
        """Return what a schema is, when it is there."""
        schema = self._resolved(schema)
        for way in ("anyOf", "oneOf", "allOf"):
            there = [each for each in schema.get(way, ()) if each.get("type") != "null"]
            if len(there) == 1:
                return self._content(there[0])
        return schema

    def _kind(self, schema: Schema) -> str:
        schema = self._resolved(schema)
        for way in ("anyOf", "oneOf", "allOf"):
            if way in schema:
                return " or ".join(dict.fromkeys(self._kind(each) for each in schema[way]))
        if "const" in schema:
            return json.dumps(schema["const"])
        if "enum" in schema:
            return " or ".join(json.dumps(each) for each in schema["enum"])
        if schema.get("type") == "array":
            return f"list of {self._kind(schema.get('items', {}))}"
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        return KINDS.get(schema.get("type", ""), "anything")

    def _bounds(self, schema: Schema) -> str:
        schema = self._content(schema)
        found = {name: schema[name] for name in BOUNDS if schema.get(name) is not None}
        said = [BOUNDS[name].format(bound) for name, bound in found.items() if (name, bound) != ("minLength", 1)]
        if schema.get("default") not in (None, "", False):
            said.append(f"default {json.dumps(schema['default'])}")
        return ", ".join(said)

    def _example(self, media: Schema) -> str:
        """Return an example as it is sent, or nothing where the document has none."""
        schema = self._content(media.get("schema", {}))
        named = [each["value"] for each in media.get("examples", {}).values()]
        found = [media["example"]] if "example" in media else [*named, *schema.get("examples", ())]
        if not found and "example" in schema:
            found = [schema["example"]]
        return json.dumps(found[0], indent=2, ensure_ascii=False) if found else ""

    def _resolved(self, said: Schema) -> Schema:
        """Follow references to where something is said."""
        while "$ref" in said:
            found: Any = self._document
            for part in said["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            said = found
        return said
