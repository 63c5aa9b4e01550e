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

from bson import DBRef, ObjectId

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
    return _encoder(typing.cast("Any", type(value)))(value)


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
        return lambda items: {key: inner(item) for key, item in _mapping(items).items()}
    if dataclasses.is_dataclass(hint):
        return _dataclass_decoder(hint)
    if hint is datetime:
        return lambda time: time if time.tzinfo else time.replace(tzinfo=UTC)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _member_decoder(hint)
    if hint is float:
        return float
    return _as_it_is


@cache
def _encoder(cls: type) -> Callable[[Any], Any]:
    """What turns a value of that type into a stored one; built once, for it is used per event."""
    if dataclasses.is_dataclass(cls):
        names = [(f.name, _key(f.name)) for f in dataclasses.fields(cls)]
        return lambda value: {
            key: encode(item) for name, key in names if (item := getattr(value, name)) is not None
        }
    if issubclass(cls, IntEnum):
        return int
    if issubclass(cls, Enum):
        return lambda value: value.value
    if issubclass(cls, tuple):
        return lambda value: [encode(item) for item in value]
    if issubclass(cls, Mapping):
        return lambda value: {str(key): encode(item) for key, item in value.items()}
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    """What was stored as a mapping; the driver takes one with the keys $ref and $id for a DBRef."""
    return value.as_doc() if isinstance(value, DBRef) else value


def _member_decoder(cls: type[Enum]) -> Callable[[Any], Any]:
    # Calling the class does the same in ten times the time.
    members = {member.value: member for member in cls}

    def decode_member(value: Any) -> Any:
        return members[value] if value in members else cls(value)

    return decode_member


def _dataclass_decoder(cls: Any) -> Callable[[Any], Any]:
    names = {_key(name): name for name in _hints(cls)}
    readers = {name: _decoder(hint) for name, hint in _hints(cls).items()}
    changing = [(name, read) for name, read in readers.items() if read is not _as_it_is]

    def decode_document(document: Mapping[str, Any]) -> Any:
        values = {
            names[key]: value
            for key, value in document.items()
            if value is not None and key in names
        }
        for name, read in changing:
            if name in values:
                values[name] = read(values[name])
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
