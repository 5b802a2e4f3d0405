"""What a change of our contracts would break for a host that was written for the kept release; pure.

What hosts send: everything they were allowed to send must still be taken. What we send: nothing may come that they
were not told of, but for further fields, and nothing they were promised may be missing.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["in", "out"]
_UPPER, _LOWER = ("maxLength", "maximum", "maxItems"), ("minLength", "minimum", "minItems")


@dataclass
class Comparing:
    """Two documents, the kept one and the new one, and what was compared already."""

    old: Any
    new: Any
    seen: set[tuple[str, str, str]] = field(default_factory=set)

    def schema(self, direction: Direction, old: Any, new: Any, at: str) -> list[str]:
        """The breaks in one schema."""
        old_ref, new_ref = old.get("$ref", ""), new.get("$ref", "")
        if old_ref and new_ref:
            if (direction, old_ref, new_ref) in self.seen:
                return []
            self.seen.add((direction, old_ref, new_ref))
        old, new = self._read(self.old, old), self._read(self.new, new)
        if direction == "in":
            return self._fits(direction, old, new, at)
        return self._fits(direction, new, old, at)

    def _next(self, direction: Direction, wide: Any, tight: Any, at: str) -> list[str]:
        return self.schema(direction, *((wide, tight) if direction == "in" else (tight, wide)), at)

    @staticmethod
    def _read(document: Any, schema: Any) -> Any:
        while "$ref" in schema:
            found = document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def _fits(self, direction: Direction, wide: Any, tight: Any, at: str) -> list[str]:
        """Whether everything that `wide` allows is allowed by `tight`."""
        wide_branches, tight_branches = _branches(wide), _branches(tight)
        if len(wide_branches) > 1 or len(tight_branches) > 1:
            return self._unions(direction, wide_branches, tight_branches, at)
        wide, tight = wide_branches[0], tight_branches[0]
        if "$ref" in wide or "$ref" in tight:
            return self._next(direction, wide, tight, at)
        found = _values(wide, tight, at) + _types(wide, tight, at) + _bounds(wide, tight, at)
        if "items" in tight:
            found += self._next(direction, wide.get("items", {}), tight["items"], f"{at}[]")
        return found + self._object(direction, wide, tight, at)

    def _flat(self, document: Any, branches: list[Any]) -> list[Any]:
        """The branches, and in the place of one that is itself a union the branches of that."""
        found: list[Any] = []
        for one in branches:
            inner = _branches(self._read(document, one))
            found += [one] if len(inner) == 1 else self._flat(document, inner)
        return found

    def _unions(self, direction: Direction, wide: list[Any], tight: list[Any], at: str) -> list[str]:
        found = []
        wider, tighter = (self.old, self.new) if direction == "in" else (self.new, self.old)
        tight = self._flat(tighter, tight)
        known = {_kind(self._read(self.old, one)) for one in tight} if direction == "out" else set()
        for one in wide:
            inner = self._flat(wider, [one])
            if len(inner) > 1:
                found += self._unions(direction, inner, tight, at)[:1]
                continue
            kind = _kind(self._read(self.new, one)) if direction == "out" else None
            if kind and known - {None} and kind not in known:
                continue  # an event of a kind that is new: hosts pass over what they do not know (docs/versions.md)
            tried = []
            for other in tight:
                again = Comparing(self.old, self.new, set(self.seen))
                tried.append(again._next(direction, one, other, at))
            if all(tried):
                found.append(min(tried, key=len)[0])
        return found

    def _object(self, direction: Direction, wide: Any, tight: Any, at: str) -> list[str]:
        fields, known = wide.get("properties", {}), tight.get("properties", {})
        missing = [name for name in _missing(tight, wide) if direction == "in" or name in fields]
        found = [f"{at}.{name}: must be there now" for name in missing]
        if direction == "out":
            found += [f"{at}.{name}: is gone" for name in known if name not in fields]
        elif tight.get("additionalProperties") is False:
            found += [f"{at}.{name}: is not taken any more" for name in fields if name not in known]
            if fields and wide.get("additionalProperties") is not False:
                found.append(f"{at}: takes no further fields any more")
        for name in fields.keys() & known.keys():
            found += self._next(direction, fields[name], known[name], f"{at}.{name}")
        if isinstance(wide.get("additionalProperties"), dict) and isinstance(tight.get("additionalProperties"), dict):
            found += self._next(direction, wide["additionalProperties"], tight["additionalProperties"], f"{at}.*")
        return found


def _kind(schema: Any) -> str | None:
    """The type of event that this is the schema of."""
    fields = schema.get("properties", {})
    return fields["type"].get("const") if {"specversion", "type", "data"} <= fields.keys() else None


def of_schemas(direction: Direction, old: Any, new: Any, name: str) -> list[str]:
    """The breaks between two JSON Schemas of an event."""
    return Comparing(old, new).schema(direction, old, new, name)


def of_apis(old: Any, new: Any) -> list[str]:
    """The breaks between two OpenAPI documents."""
    found = []
    for path, operations in old["paths"].items():
        for method, operation in operations.items():
            at = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            found += _of_operation(Comparing(old, new), operation, now, at) if now else [f"{at}: is gone"]
    return found


def _of_operation(comparing: Comparing, old: Any, new: Any, at: str) -> list[str]:
    lacking = [one for one in old.get("security", ()) if one not in new.get("security", ())]
    is_shut = bool(new.get("security")) and not old.get("security")
    found = [f"{at}: needs another scope"] if lacking or is_shut else []
    before, now = (_parameters(comparing, document, one) for document, one in ((0, old), (1, new)))
    found += [f"{at} {name}: is gone" for name in before.keys() - now.keys()]
    found += [
        f"{at} {name}: must be there now" for name, one in now.items() if one["required"] and not _had(before, name)
    ]
    for name in before.keys() & now.keys():
        found += comparing.schema("in", before[name]["schema"], now[name]["schema"], f"{at} {name}")
    if "requestBody" in new:
        for kind, said in old["requestBody"]["content"].items():
            taken = new["requestBody"]["content"].get(kind)
            found += (
                comparing.schema("in", said["schema"], taken["schema"], f"{at} body")
                if taken
                else [f"{at} body: no {kind} any more"]
            )
    for status, answer in old["responses"].items():
        if not status.startswith("2"):
            continue
        if status not in new["responses"]:
            found.append(f"{at}: answers no {status} any more")
            continue
        found += comparing.schema("out", _content(answer), _content(new["responses"][status]), f"{at} {status}")
    return found


def _had(before: Any, name: str) -> bool:
    return name in before and before[name]["required"]


def _parameters(comparing: Comparing, which: int, operation: Any) -> dict[str, Any]:
    document = comparing.new if which else comparing.old
    read = [comparing._read(document, one) for one in operation.get("parameters", ())]
    return {one["name"]: {"required": one.get("required", False), "schema": one["schema"]} for one in read}


def _content(said: Any) -> Any:
    return next(iter(said.get("content", {}).values()), {}).get("schema", {})


def _branches(schema: Any) -> list[Any]:
    return schema.get("anyOf") or schema.get("oneOf") or [schema]


def _values(wide: Any, tight: Any, at: str) -> list[str]:
    allowed = _enumerated(tight)
    if allowed is None:
        return []
    given = _enumerated(wide)
    if given is None:
        return [f"{at}: only {sorted(map(str, allowed))} any more"]
    return [f"{at}: “{value}” is not known there" for value in given if value not in allowed]


def _enumerated(schema: Any) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _types(wide: Any, tight: Any, at: str) -> list[str]:
    wanted, allowed = wide.get("type"), tight.get("type")
    if allowed is None or wanted == allowed or (wanted, allowed) == ("integer", "number"):
        return []
    if wanted is None and _enumerated(wide) is not None:
        return []
    return [f"{at}: {wanted or 'anything'} where {allowed} was agreed"]


def _bounds(wide: Any, tight: Any, at: str) -> list[str]:
    found = [f"{at}: another {word}" for word in ("pattern", "format") if word in tight and _other(wide, tight, word)]
    found += [f"{at}: a smaller {word}" for word in _UPPER if tight.get(word, 1e300) < wide.get(word, 1e300)]
    return found + [f"{at}: a larger {word}" for word in _LOWER if tight.get(word, -1e300) > wide.get(word, -1e300)]


def _other(wide: Any, tight: Any, word: str) -> bool:
    return _enumerated(wide) is None and wide.get(word) != tight[word]


def _missing(tight: Any, wide: Any) -> list[str]:
    return [name for name in tight.get("required", ()) if name not in wide.get("required", ())]
