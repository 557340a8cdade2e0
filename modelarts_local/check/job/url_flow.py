"""Where in a job the values of --data_url and --train_url arrive: a walk through its syntax trees, running nothing.

Followed: names, attributes of self, os.path.join, +, %, format and f-strings, and from each call into the parameters of
the function or class of the job that is called. Not followed: what functions return, containers, and loops' second
rounds. Where the job itself asks whether a value is a URL, copies it under a condition, or gives the flag another
value, it is taken to know what it does, and the value counts as clean: a finding must be right more than it must be
complete.
"""

from __future__ import annotations

import ast
import re
from typing import Iterator, NamedTuple, Sequence, cast

from ..syntax import dotted, full_name, index_of, known_as, nodes_of, own_nodes
from .source import Job, SourceFile, cached_imports

FLAGS = ("data_url", "train_url")
_VARIABLES = {"DLS_DATA_URL": "data_url", "DLS_TRAIN_URL": "train_url"}  # the same values (contract 1.4)
_ROUNDS = 4  # calls into calls into calls; deeper ones are not followed
_KEEPERS = {"str", "os.path.abspath", "os.path.normpath", "os.path.expanduser", "os.path.realpath", "os.fspath"}
_KEEPING_METHODS = {"strip", "rstrip", "lstrip", "replace", "lower", "encode", "decode"}
_ASKING = re.compile(r"s3|obs|://")
_ASKING_CALLS = re.compile(r"is_?(url|remote|s3|obs|cloud|local)|urlparse|urlsplit", re.IGNORECASE)
_PATH_TEXT = re.compile(r"[\w.][^\s:,;]*")  # what may follow a folder in a path, unlike words in a message


class Value(NamedTuple):
    """A text made of a flag's value. is_whole: nothing was joined to it, and no slash is known to be at its end."""

    flag: str
    is_whole: bool


class UrlCall(NamedTuple):
    """A call that is given such a text. callee: its full name, or ".method"; scope: what the call stands in."""

    source: SourceFile
    line: int
    callee: str
    flag: str
    scope: ast.AST


class SlashJoin(NamedTuple):
    """A text joined to such a value without a slash between them."""

    source: SourceFile
    line: int
    flag: str
    text: str


class Flow:
    """The walk through a job. calls, joins: what it came by. asked: flags that the job tells URLs from paths of.

    mended: flags that the job makes longer, presumably by a slash.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.calls: list[UrlCall] = []
        self.joins: list[SlashJoin] = []
        self.asked: set[str] = set()
        self._given: dict[ast.AST, dict[str, Value]] = {}  # by function: its parameters that get such a text
        self._functions = {source.name: _functions(tree) for source, tree in job.parsed()}
        given_anew = [new for _, tree in job.parsed() for new in _reassigned_flags(tree)]
        self._cleaned = {flag for flag, is_longer in given_anew if not is_longer}
        self.mended = {flag for flag, is_longer in given_anew if is_longer}
        for _ in range(_ROUNDS):
            before = {function: dict(values) for function, values in self._given.items()}
            self.calls, self.joins = [], []
            for source, tree in job.parsed():
                _FileWalk(self, source, tree).walk()
            if before == self._given:
                break

    def is_flag(self, attribute: str) -> bool:
        """Tell whether an attribute of that name is a flag's value."""
        return attribute in FLAGS and attribute not in self._cleaned

    def parameters_of(self, function: ast.AST) -> dict[str, Value]:
        """Return the parameters of a function that are given such a text."""
        return self._given.get(function, {})

    def give(self, source: SourceFile, callee: str, values: Sequence[tuple[int | str, Value]]) -> None:
        """Note that a function of the job gets texts: values by position or by keyword."""
        function = self._find(source, callee)
        if function is None:
            return
        names = [argument.arg for argument in function.args.args]
        if names[:1] == ["self"]:
            names = names[1:]
        for position, value in values:
            name = position if isinstance(position, str) else (names[position] if position < len(names) else "")
            if name in names:
                self._given.setdefault(function, {}).setdefault(name, value)

    def _find(self, source: SourceFile, callee: str) -> ast.FunctionDef | None:
        own = self._functions[source.name].get(callee)
        if own is not None or source.tree is None:
            return own
        module, _, name = callee.rpartition(".")
        for imported in cached_imports(source.tree):
            is_it = imported.module == module or f"{imported.module}.{imported.name}" in (callee, module)
            for file in self.job.modules_of(source.name, imported) if is_it or imported.level else ():
                found = self._functions.get(file, {}).get(name or callee)
                if found is not None:
                    return found
        return None


class _FileWalk:
    def __init__(self, flow: Flow, source: SourceFile, tree: ast.Module) -> None:
        self._flow = flow
        self._source = source
        self._tree = tree
        self._names = known_as(tree)
        self._known: dict[str, Value | None] = {}

    def walk(self) -> None:
        """Walk the module's own statements first, then each function, which sees what the module has set."""
        of_module = self._walk_scope(self._tree, {})
        for node in nodes_of(self._tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                selves = {name: value for name, value in of_module.items() if name.startswith("self.")}
                found = self._walk_scope(node, {**of_module, **selves, **self._flow.parameters_of(node)})
                of_module.update({name: value for name, value in found.items() if name.startswith("self.")})

    def _walk_scope(self, scope: ast.AST, known: dict[str, Value | None]) -> dict[str, Value | None]:
        self._known = dict(known)
        for node in sorted(own_nodes(scope), key=_position):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._set(target, self._value(node.value))
            elif isinstance(node, ast.AugAssign):
                self._note_join(node.lineno, node.target, node.value)
                self._set(node.target, self._value(ast.BinOp(node.target, node.op, node.value)))
            elif isinstance(node, ast.Call):
                self._note_call(node, scope)
            elif isinstance(node, ast.Compare):
                self._note_question(node.left, node.comparators)
            elif isinstance(node, (ast.If, ast.Try)):
                self._note_conditional_copy(node)
            self._note_joins(node)
        return self._known

    def _set(self, target: ast.AST, value: Value | None) -> None:
        name = dotted(target)
        if name:
            self._known[name] = value

    def _note_call(self, call: ast.Call, scope: ast.AST) -> None:
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("startswith", "find", "index", "count"):
            self._note_question(call.func.value, call.args)
        given = [(position, self._value(argument)) for position, argument in enumerate(call.args)]
        given += [(keyword.arg, self._value(keyword.value)) for keyword in call.keywords if keyword.arg]  # type: ignore[misc]
        values = [(position, value) for position, value in given if value is not None]
        if not values:
            return
        callee = full_name(call.func, self._names)
        if not callee and isinstance(call.func, ast.Attribute):
            callee = f".{call.func.attr}"
        if _ASKING_CALLS.search(callee):
            self._flow.asked.update(value.flag for _, value in values)
        self._flow.calls.append(UrlCall(self._source, call.lineno, callee, values[0][1].flag, scope))
        self._flow.give(self._source, callee, values)

    def _note_question(self, asked: ast.AST, texts: list[ast.expr]) -> None:
        """`url.startswith("s3://")` and `"://" in url`: the job tells the two apart itself."""
        parts = [asked, *texts]
        values = [value for value in map(self._value, parts) if value is not None]
        words = [text.value for part in parts for text in ast.walk(part) if isinstance(text, ast.Constant)]
        if values and any(isinstance(word, str) and _ASKING.search(word) for word in words):
            self._flow.asked.update(value.flag for value in values)

    def _note_conditional_copy(self, branches: ast.If | ast.Try) -> None:
        """`if args.on_modelarts: mox.file.copy_parallel(args.data_url, ...)`: the job knows when a copy is needed."""
        for node in ast.walk(branches):
            if isinstance(node, ast.Call) and is_moxing_file(node) and node.args:
                copied = self._value(node.args[0])
                if copied is not None and copied.flag == "data_url":
                    self._flow.asked.add(copied.flag)

    def _note_joins(self, node: ast.AST) -> None:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            self._note_join(node.lineno, node.left, node.right)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            self._note_template(node.lineno, node.left, "%s", _first_of(node.right))
        elif isinstance(node, ast.JoinedStr) and len(node.values) > 1:
            first = node.values[0]
            if isinstance(first, ast.FormattedValue):
                self._note_join(node.lineno, first.value, node.values[1])
        elif isinstance(node, ast.Call) and _is_format(node):
            self._note_template(node.lineno, node.func.value, "{}", node.args[0])  # type: ignore[attr-defined]

    def _note_template(self, line: int, template: ast.AST, mark: str, first: ast.AST) -> None:
        if isinstance(template, ast.Constant) and isinstance(template.value, str) and template.value.startswith(mark):
            self._note_join(line, first, ast.Constant(template.value[len(mark) :]))

    def _note_join(self, line: int, left: ast.AST, right: ast.AST) -> None:
        value = self._value(left)
        text = right.value if isinstance(right, ast.Constant) else None
        if value is not None and value.is_whole and isinstance(text, str) and _PATH_TEXT.fullmatch(text):
            self._flow.joins.append(SlashJoin(self._source, line, value.flag, text))

    def _value(self, node: ast.AST) -> Value | None:
        """Return what is known of an expression's text; None when it is not made of a flag's value."""
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._value_of_name(node)
        if isinstance(node, ast.Subscript):
            is_part = isinstance(node.slice, ast.Slice)
            return self._value(node.value) if is_part else self._value_of_key(node.value, index_of(node))
        if isinstance(node, ast.Call):
            return self._value_of_call(node)
        if isinstance(node, ast.BinOp):
            return self._value_of_join(node)
        if isinstance(node, ast.JoinedStr):
            first = node.values[0] if node.values else None
            return _joined(self._value(first.value)) if isinstance(first, ast.FormattedValue) else None
        if isinstance(node, ast.IfExp):
            return _either(self._value(node.body), self._value(node.orelse))
        if isinstance(node, ast.BoolOp):
            return _either(*(self._value(value) for value in node.values))
        return None

    def _value_of_name(self, node: ast.Name | ast.Attribute) -> Value | None:
        name = dotted(node)
        if name in self._known:
            return self._known[name]
        if isinstance(node, ast.Attribute) and not name.startswith("self.") and self._flow.is_flag(node.attr):
            return Value(node.attr, node.attr not in self._flow.mended)
        return None

    def _value_of_key(self, holder: ast.AST, key: ast.AST) -> Value | None:
        text = key.value if isinstance(key, ast.Constant) else None
        if full_name(holder, self._names) == "os.environ" and text in _VARIABLES:
            return Value(_VARIABLES[str(text)], True)
        return Value(str(text), True) if isinstance(text, str) and self._flow.is_flag(text) else None

    def _value_of_call(self, call: ast.Call) -> Value | None:
        name = full_name(call.func, self._names)
        if name in _KEEPERS and call.args:
            return self._value(call.args[0])
        if name == "os.path.join" and call.args:
            return _joined(self._value(call.args[0]))
        if name in ("os.environ.get", "os.getenv") and call.args:
            return self._value_of_key(ast.parse("os.environ", mode="eval").body, call.args[0])
        if name == "getattr" and len(call.args) > 1:
            return self._value_of_key(call.args[0], call.args[1])
        if isinstance(call.func, ast.Attribute) and call.func.attr in _KEEPING_METHODS:
            return self._value(call.func.value)
        if _is_format(call) and _starts_with(call.func.value, "{}"):  # type: ignore[attr-defined]
            return _joined(self._value(call.args[0]))
        return None

    def _value_of_join(self, node: ast.BinOp) -> Value | None:
        if isinstance(node.op, ast.Add):
            return _joined(self._value(node.left))
        if isinstance(node.op, ast.Mod) and _starts_with(node.left, "%s"):
            return _joined(self._value(_first_of(node.right)))
        return None


def _starts_with(template: ast.AST, mark: str) -> bool:
    return isinstance(template, ast.Constant) and str(template.value).startswith(mark)


def is_moxing_file(call: ast.Call) -> bool:
    """Tell whether it is a call of moxing.file, whatever the job calls that: x.file.copy(), copy_parallel()."""
    function = call.func
    return isinstance(function, ast.Attribute) and (
        function.attr == "copy_parallel" or dotted(function.value).rpartition(".")[2] == "file"
    )


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _is_format(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "format" and bool(call.args)


def _first_of(values: ast.expr) -> ast.expr:
    """Return the first value of a template's, which stand in a tuple or alone."""
    return values.elts[0] if isinstance(values, ast.Tuple) and values.elts else values


def _joined(value: Value | None) -> Value | None:
    return None if value is None else value._replace(is_whole=False)


def _either(*values: Value | None) -> Value | None:
    known = [value for value in values if value is not None]
    return known[0]._replace(is_whole=all(value.is_whole for value in known)) if known else None


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Return the functions at the top of a file, and the constructors of its classes by the class's name."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    found[node.name] = method
    return found


def _reassigned_flags(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Flags that the job gives another value: `args.data_url = fetch(args.data_url)`, or a longer: `... += "/"`."""
    for node in nodes_of(tree):
        if isinstance(node, ast.AugAssign):
            targets, is_longer = [cast(ast.expr, node.target)], True
        elif isinstance(node, ast.Assign):
            targets, is_longer = list(node.targets), False
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Attribute) and target.attr in FLAGS and dotted(target.value) != "self":
                yield target.attr, is_longer or _extends(node.value, target.attr)


def _extends(expression: ast.AST, flag: str) -> bool:
    """Tell whether the new value is the old one with something added: no function of the job has made it."""
    nodes = list(ast.walk(expression))
    mentioned = any(isinstance(node, ast.Attribute) and node.attr == flag for node in nodes)
    return mentioned and not any(isinstance(node, ast.Call) and isinstance(node.func, ast.Name) for node in nodes)
