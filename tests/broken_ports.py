"""Lists every call that a function makes to the outside, by the types of its ports, and breaks one of them."""

import copy
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, is_dataclass, replace
from typing import Any, Union, get_args, get_origin, get_type_hints

type Path = tuple[str, ...]
"""The names that lead from a root to a call: fields, keys (`*`), the method, `()` for what a method returns."""


class DefectError(RuntimeError):
    """An error that no code expects."""


@dataclass
class Break:
    """Raises in each call that concerns the bad item, until it is fixed. A call that names no item concerns all."""

    bad: tuple[str, ...]
    good: tuple[str, ...]
    raised: int = 0
    hits_all: bool = False
    fixed: bool = False

    def strike(self, *arguments: object) -> None:
        text = repr(arguments)
        of_bad = any(one in text for one in self.bad)
        if self.fixed or (not of_bad and any(one in text for one in self.good)):
            return
        self.hits_all |= not of_bad
        self.raised += 1
        raise DefectError("out of order")


def calls(root: Any) -> Iterator[Path]:
    """Yields every call of a port under a type."""
    origin = get_origin(root)
    if origin is Callable or root is Callable or origin is types.FunctionType or _is_callable(root):
        yield ()
    elif origin in (Union, types.UnionType):
        for one in get_args(root):
            yield from calls(one)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield from (("*", *rest) for rest in calls(get_args(root)[1]))
    elif inspect.isclass(root) and getattr(root, "_is_protocol", False):
        yield from _calls_of_port(root)
    elif inspect.isclass(root) and root.__module__.startswith("kinesight.domain") and not _is_value(root):
        yield from _calls_of_parts(root)


def _is_callable(root: Any) -> bool:
    return get_origin(root) is not None and getattr(get_origin(root), "__name__", "") == "Callable"


def _is_value(root: type) -> bool:
    """A class without a port in it, such as a model: its fields are data."""
    return hasattr(root, "model_fields") or issubclass(root, BaseException)


def _calls_of_port(port: type) -> Iterator[Path]:
    for name, member in inspect.getmembers(port):
        if name.startswith("_") or not (callable(member) or isinstance(member, property)):
            continue
        yield (name,)
        function = member.fget if isinstance(member, property) else member
        returned = get_type_hints(function).get("return")
        for one in (returned, *get_args(returned)):
            if inspect.isclass(one) and getattr(one, "_is_protocol", False) and one.__module__.startswith("kinesight"):
                yield from ((name, "()", *rest) for rest in _calls_of_port(one))


def _calls_of_parts(whole: type) -> Iterator[Path]:
    hints = get_type_hints(whole if is_dataclass(whole) else whole.__init__)  # type: ignore[misc]
    for name, hint in hints.items():
        if name != "return":
            field = name if is_dataclass(whole) else f"_{name}"
            yield from ((field, *rest) for rest in calls(hint))


def broken(whole: Any, path: Path, defect: Break) -> Any:
    """Returns a copy of ports, or of one port, in which the call at the path is broken."""
    if whole is None:
        return None
    if not path:
        return _struck(whole, defect)
    head, *rest = path
    if head == "*":
        return {key: broken(one, tuple(rest), defect) for key, one in whole.items()}
    if not rest and not _has_field(whole, head):
        return _Broken(whole, head, defect)
    if rest[:1] == ["()"]:
        return _Broken(whole, head, defect, tuple(rest[1:]))
    part = broken(getattr(whole, head), tuple(rest), defect)
    if is_dataclass(whole):
        return replace(whole, **{head: part})  # type: ignore[type-var]
    changed = copy.copy(whole)
    setattr(changed, head, part)
    return changed


def _struck(call: Callable[..., Any], defect: Break) -> Callable[..., Any]:
    def struck(*arguments: Any, **named: Any) -> Any:
        defect.strike(arguments, named)
        return call(*arguments, **named)

    return struck


def _has_field(whole: Any, name: str) -> bool:
    fields = getattr(whole, "__dataclass_fields__", {}) if _is_ours(whole) else {}
    return name in fields or (_is_ours(whole) and name.startswith("_"))


def _is_ours(whole: Any) -> bool:
    return type(whole).__module__.startswith("kinesight")


class _Broken:
    """A port with one broken method or property; or one whose method returns a broken port."""

    def __init__(self, port: Any, name: str, defect: Break, within: Path = ()) -> None:
        self._port, self._name, self._defect, self._within = port, name, defect, within

    def __getattr__(self, name: str) -> Any:
        if name != self._name:
            return getattr(self._port, name)
        if self._within:
            return self._returning
        if not callable(getattr(self._port, name)):
            self._defect.strike()
            return getattr(self._port, name)
        return broken(getattr(self._port, name), (), self._defect)

    def _returning(self, *arguments: Any, **named: Any) -> Any:
        found = getattr(self._port, self._name)(*arguments, **named)
        if hasattr(found, "__enter__"):
            return self._entered(found)
        return None if found is None else broken(found, self._within, self._defect)

    @contextmanager
    def _entered(self, context: AbstractContextManager[Any]) -> Iterator[Any]:
        with context as entered:
            yield broken(entered, self._within, self._defect)
