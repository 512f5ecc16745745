"""Which methods a handler may call, from the source: a call graph by names, as rapid type analysis makes one.

A call of `x.name(...)` counts for every live class that has a method `name`. That is more than really happens, never
less, so a permission that the graph finds no use for has none.
"""

import ast
import importlib
import inspect
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

Definition = ast.FunctionDef | ast.ClassDef


@cache
def source_of(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(module)))


@cache
def methods_of(cls: type) -> dict[str, tuple[ast.FunctionDef, ...]]:
    """A class's methods by name, inherited ones too, those of our own modules alone."""
    found: dict[str, list[ast.FunctionDef]] = defaultdict(list)
    for base in cls.__mro__:
        if base.__module__.startswith("kinesight."):
            definition = next(n for n in source_of(base.__module__).body if _is_class(n, base.__name__))
            for one in definition.body:  # type: ignore[attr-defined]  # it is a ClassDef
                if isinstance(one, ast.FunctionDef):
                    found[one.name].append(one)
    return {name: tuple(all_of_them) for name, all_of_them in found.items()}


@cache
def home_of(method: ast.FunctionDef, cls: type) -> ModuleType:
    """The module of the class that defines a method of `cls`, where the names in it are resolved."""
    ours = (base for base in cls.__mro__ if base.__module__.startswith("kinesight."))
    home = next(
        base.__module__
        for base in ours
        if any(
            isinstance(node, ast.ClassDef) and node.name == base.__name__ and method in node.body
            for node in source_of(base.__module__).body
        )
    )
    return sys.modules[home]


def _is_class(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.ClassDef) and node.name == name


@cache
def own_names(tree: ast.AST) -> set[str]:
    """The names that are taken from `self`."""
    return {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and _is_name(n.value, "self")}


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


class CallGraph:
    """What is reached from a module's handler, where `adapters` are the adapters that were really built."""

    def __init__(self, adapters: set[type]) -> None:
        self._live: set[type] = set()
        self._called: set[str] = set()
        self._seen: set[tuple[int, ModuleType]] = set()
        for cls in adapters:
            self._enliven(cls)

    @property
    def called(self) -> frozenset[str]:
        """Names of methods that are called, or handed on to be called."""
        return frozenset(self._called)

    def follow(self, module: ModuleType, name: str) -> "CallGraph":
        """Adds all that a function, class or constant of `module` leads to."""
        value = getattr(module, name)
        if isinstance(value, type):
            self._enliven(value)
            return self
        home = importlib.import_module(getattr(inspect.unwrap(value), "__module__", None) or module.__name__)
        for node in source_of(home.__name__).body if _is_ours(home) else ():
            if name in _defined(node):
                self._walk(node, home)
        return self

    def _enliven(self, cls: type) -> None:
        if cls in self._live or not cls.__module__.startswith("kinesight."):
            return
        self._live.add(cls)
        for name, definitions in methods_of(cls).items():
            if name in self._called or _is_implied(name, definitions[0]):
                self._walk_all(definitions, cls)

    def _call(self, name: str) -> None:
        if name in self._called:
            return
        self._called.add(name)
        for cls in list(self._live):
            self._walk_all(methods_of(cls).get(name, ()), cls)

    def _walk_all(self, definitions: tuple[ast.FunctionDef, ...], cls: type) -> None:
        for one in definitions:
            self._walk(one, home_of(one, cls))

    def _walk(self, tree: ast.AST, home: ModuleType) -> None:
        if (id(tree), home) in self._seen:
            return
        self._seen.add((id(tree), home))
        references, called = _summary(tree, home)
        for module, name in references:
            self._reach(module, name)
        for name in called:
            self._call(name)

    def _reach(self, home: ModuleType, name: str) -> None:
        value: Any = getattr(home, name)
        if isinstance(value, ModuleType):
            return
        if isinstance(value, type):
            self._enliven(value)
        elif callable(value) or name.startswith("_"):
            self.follow(home, name)


@cache
def _summary(tree: ast.AST, home: ModuleType) -> tuple[frozenset[tuple[ModuleType, str]], frozenset[str]]:
    """What of our modules a definition of `home` refers to, and the names of the methods that it calls."""
    references = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if hasattr(home, name):
                references.add((home, name))
            case ast.Attribute(value=ast.Name(id=alias), attr=name) if _is_ours(getattr(home, alias, None)):
                references.add((getattr(home, alias), name))
    return frozenset(references), frozenset(_called_names(tree))


def _is_ours(module: object) -> bool:
    return isinstance(module, ModuleType) and module.__name__.startswith(("kinesight.", "functions."))


def _defined(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {one.id for one in targets if isinstance(one, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


def _is_implied(name: str, definition: ast.FunctionDef) -> bool:
    """Called without its name being written: `with`, iteration, calls of an instance, properties."""
    return name.startswith("__") or any(_is_name(one, "property") for one in definition.decorator_list)


def _called_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)):
                yield name
        if isinstance(node, ast.Call):
            for argument in [*node.args, *(one.value for one in node.keywords)]:
                yield from _handed_on(argument)


def _handed_on(argument: ast.expr) -> Iterator[str]:
    """A method given as an argument: `link=Store(...).link`, `submit(ports.store.write, ...)`."""
    if isinstance(argument, ast.Attribute):
        yield argument.attr
