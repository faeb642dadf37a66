"""The faults: which there are, and how one is made and put in the place of what runs."""

import ast
import copy
import gc
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import _lru_cache_wrapper
from pathlib import Path
from types import CodeType, FunctionType

ROOT = Path(__file__).parents[2]
DOMAIN = ROOT / "cellbank" / "domain"
TURNED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COUNTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div}
Key = tuple[str, int, str]  # a function: its file, its first line, its name


@dataclass(frozen=True)
class Fault:
    """One change of the node with this number, in this function of a file."""

    path: Path
    function: str
    node: int
    kind: str
    what: str  # the changed part, as it is written
    line: int
    source: str  # the line, as it stands

    @property
    def place(self) -> str:
        """Where it is."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def name(self) -> str:
        """What it is, wherever the line moves to."""
        return f"{self.path.relative_to(DOMAIN)} {self.function}: {self.kind}: `{self.what}` in {self.source}"


def all_faults() -> list[Fault]:
    """Every fault of the domain."""
    return [fault for path in sorted(DOMAIN.rglob("*.py")) for fault in faults_in(path)]


def faults_in(path: Path) -> Iterator[Fault]:
    """Every fault that can be made in the functions of a file."""
    text = path.read_text(encoding="utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    numbers = {node: number for number, node in enumerate(ast.walk(tree))}
    for name, function in functions_of(tree):
        skipped = {part for one in _said(function) for part in ast.walk(one)}
        for node in (one for statement in function.body for one in ast.walk(statement)):
            for kind in [] if node in skipped else kinds_of(node):
                line = getattr(_changed(node), "lineno", function.lineno)
                what = ast.unparse(_changed(node))
                yield Fault(path, name, numbers[node], kind, what, line, lines[line - 1].strip())


def _changed(node: ast.AST) -> ast.AST:
    """The part of a node that reads otherwise with the fault."""
    match node:
        case ast.If(test=part) | ast.IfExp(test=part) | ast.comprehension(ifs=[part, *_]):
            return part
    return node


def functions_of(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of a module and of its classes, each with its qualified name; not those within functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield inside + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from functions_of(node, f"{inside}{node.name}.")


def _said(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """What only words and types depend on: annotations, and in an f-string its formats and how much is quoted."""
    for node in ast.walk(function):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation:
            yield node.annotation
        elif isinstance(node, ast.FormattedValue) and node.format_spec:
            yield node.format_spec
        if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Subscript):
            yield from [node.value.slice] if isinstance(node.value.slice, ast.Slice) else []


def kinds_of(node: ast.AST) -> list[str]:
    """The faults that can be made of one node."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in TURNED:
            return ["turned"] + (["moved"] if isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE) else [])
        case ast.BoolOp():
            return ["and is or"]
        case ast.UnaryOp(op=ast.Not()):
            return ["no not"]
        case ast.BinOp(op=op) if type(op) in COUNTED and not isinstance(node.left, ast.Constant | ast.JoinedStr):
            return ["counted otherwise"]
        case ast.Constant(value=bool()):
            return ["the other answer"]
        case ast.Constant(value=int()):
            return ["one more"]
        case ast.If() | ast.IfExp():
            return ["always", "never"]
        case ast.comprehension(ifs=[_, *_]):
            return ["all of them"]
    return []


def module_with(fault: Fault) -> CodeType:
    """The code of the module with its fault."""
    tree = ast.parse(fault.path.read_text(encoding="utf-8"))
    _change(next(node for number, node in enumerate(ast.walk(tree)) if number == fault.node), fault.kind)
    return _compiled(tree, fault.path)


def made(fault: Fault) -> CodeType:
    """The code of the function with its fault."""
    return _within(module_with(fault), fault.function)


def telling(fault: Fault) -> CodeType:
    """The code of the function without its fault, telling `builtins.heard` its name when it is called."""
    tree = ast.parse(fault.path.read_text(encoding="utf-8"))
    function = next(function for name, function in functions_of(tree) if name == fault.function)
    function.body[:0] = ast.parse(f"heard({function_of(fault)!r})").body
    return _within(_compiled(tree, fault.path), fault.function)


def function_of(fault: Fault) -> str:
    """The function of a fault, by name."""
    return f"{fault.path.relative_to(DOMAIN)} {fault.function}"


def _compiled(tree: ast.Module, path: Path) -> CodeType:
    return compile(ast.fix_missing_locations(tree), str(path), "exec")


def _within(module: CodeType, function: str) -> CodeType:
    return next(one for one in codes_of(module) if one.co_qualname == function)


def _change(node: ast.AST, kind: str) -> None:
    match node:
        case ast.Compare():
            turned = TURNED[type(node.ops[0])]()
            opposite = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt}
            node.ops = [turned if kind == "moved" else opposite.get(type(node.ops[0]), TURNED[type(node.ops[0])])()]
        case ast.BoolOp():
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.UnaryOp():
            node.operand = ast.Call(ast.Name("bool", ast.Load()), [copy.copy(node.operand)], [])
            node.op = ast.UAdd()
        case ast.BinOp():
            node.op = COUNTED[type(node.op)]()
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant(value=int(number)):
            node.value = number + 1
        case ast.If() | ast.IfExp():
            node.test = ast.Constant(kind == "always")
        case ast.comprehension():
            node.ifs = []


def codes_of(code: CodeType) -> Iterator[CodeType]:
    """The codes of functions that stand in a module or a class."""
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield part
            yield from codes_of(part)


def put_in(codes: Iterable[CodeType]) -> None:
    """Exchange the code of running functions, and forget what functions of the domain remember."""
    wanted: Mapping[Key, CodeType] = {key_of(code): code for code in codes}
    gc.unfreeze()  # what is frozen is not looked through
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and key_of(thing.__code__) in wanted:
            thing.__code__ = wanted[key_of(thing.__code__)]
        elif isinstance(thing, _lru_cache_wrapper) and str(DOMAIN) in _file_of(thing):
            thing.cache_clear()
    gc.freeze()


def _file_of(thing: object) -> str:
    code = getattr(thing, "__code__", None) or getattr(getattr(thing, "__wrapped__", None), "__code__", None)
    return code.co_filename if code is not None else ""


def key_of(code: CodeType) -> Key:
    """Which function a code is of."""
    return code.co_filename, code.co_firstlineno, code.co_qualname
