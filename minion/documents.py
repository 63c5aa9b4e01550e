"""Dataclasses to MongoDB documents and back, and the validator that both obey.

One walk over a dataclass's fields serves all three, so the Python types and the `$jsonSchema`
cannot drift apart. A field that is None is left out of the document.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum, IntEnum
from functools import cache
from typing import Any, TypeVar

from bson import ObjectId

T = TypeVar("T")
Document = dict[str, Any]

_BSON_TYPES: dict[type, list[str]] = {
    str: ["string"],
    float: ["double", "int", "long"],
    int: ["int", "long"],
    bool: ["bool"],
    datetime: ["date"],
    ObjectId: ["objectId"],
}


def encode(value: Any) -> Any:
    """A dataclass (or a value of one) as what pymongo stores; None fields are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {_key(name): encode(item) for name, item in fields if item is not None}
    if isinstance(value, IntEnum):
        return int(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    return value


def decode(cls: type[T], document: Mapping[str, Any]) -> T:
    """The dataclass `cls` from a document that `encode` made. Unknown keys are passed over."""
    result: T = _decoder(typing.cast("Any", cls))(document)
    return result


def json_schema(cls: type) -> Document:
    """MongoDB's `$jsonSchema` for the documents of a dataclass."""
    required = [
        _key(f.name)
        for f in dataclasses.fields(cls)
        if not _optional(_hints(cls)[f.name])
        and (f.default is dataclasses.MISSING or f.default is not None)
    ]
    properties = {_key(name): _schema(hint) for name, hint in _hints(cls).items()}
    return {"bsonType": "object", "required": required, "properties": properties}


def _key(name: str) -> str:
    return "_id" if name == "id" else name


@cache
def _hints(cls: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {f.name: hints[f.name] for f in dataclasses.fields(cls)}


def _members(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a union without None; of anything else, itself."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(a for a in typing.get_args(hint) if a is not type(None))
    return (hint,)


def _optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


@cache
def _decoder(hint: Any) -> Callable[[Any], Any]:
    """What turns a stored value into one of that type; built once, for it is used per event."""
    members = _members(hint)
    if len(members) > 1:  # a union of plain values: BSON kept the type
        return _as_it_is
    (hint,) = members
    origin = typing.get_origin(hint)
    if origin is not None:  # tuple[X, ...] or Mapping[str, X]
        inner = _decoder(typing.get_args(hint)[0 if origin is tuple else 1])
        if origin is tuple:
            return lambda items: tuple(map(inner, items))
        return lambda items: {key: inner(item) for key, item in items.items()}
    if dataclasses.is_dataclass(hint):
        return _dataclass_decoder(hint)
    if hint is datetime:
        return lambda time: time if time.tzinfo else time.replace(tzinfo=UTC)
    if isinstance(hint, type) and (issubclass(hint, Enum) or hint is float):
        return hint
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _dataclass_decoder(cls: Any) -> Callable[[Any], Any]:
    fields = [(name, _key(name), _decoder(hint)) for name, hint in _hints(cls).items()]

    def decode_document(document: Mapping[str, Any]) -> Any:
        values = {
            name: read(value)
            for name, key, read in fields
            if (value := document.get(key)) is not None
        }
        return cls(**values)

    return decode_document


def _schema(hint: Any) -> Document:
    members = _members(hint)
    if len(members) > 1:
        return {"bsonType": sorted({t for member in members for t in _BSON_TYPES[member]})}
    (hint,) = members
    origin = typing.get_origin(hint)
    if origin is tuple:
        return {"bsonType": "array", "items": _schema(typing.get_args(hint)[0])}
    if origin is not None:
        return {
            "bsonType": "object",
            "additionalProperties": _schema(typing.get_args(hint)[1]),
        }
    if dataclasses.is_dataclass(hint):
        return json_schema(typing.cast("type[Any]", hint))
    if issubclass(hint, Enum):
        return {"enum": [encode(member) for member in hint]}
    return {"bsonType": _BSON_TYPES[hint]}
