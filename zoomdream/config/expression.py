"""Safe arithmetic for schedules: text to a function of the moment, from which nothing else can be reached.

Python's own parser reads the text, and every node is looked up in a short list; what is not in it is an error. Nothing
is handed to `eval`, all numbers are floats (no power can fill the memory), length, nesting and size are bounded.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import NamedTuple

from zoomdream.config.curves import smooth_noise
from zoomdream.config.functions import CONSTANTS, FUNCTIONS, NAMES
from zoomdream.config.signals import SIGNALS, Signals

LONGEST_TEXT = 1000
MOST_NODES = 400
DEEPEST = 40


class Moment(NamedTuple):
    """What an expression can see: seconds, frame, number of frames, share of the way, frames per second, seed, and
    the music, which its functions ask.

    earlier: in a loop, the same moment one round before, and how far noise has turned into what it was then, 0..1.
    """

    t: float
    frame: float
    frames: float
    u: float
    fps: float
    seed: int
    signals: Signals | None = None
    earlier: tuple[Moment, float] | None = None


Evaluate = Callable[[Moment], float]


class ExpressionError(ValueError):
    """An expression cannot be read or evaluated. The message of this file continues "the expression ..."."""


class UnreadableError(ExpressionError):
    """A text that is no expression at all."""


_OTHER = "uses something that is not arithmetic"

_OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: lambda x: float(not x),
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # never complex, never an integer of a million digits
}
_COMPARE: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_MEANT = {
    "t": {"time", "seconds", "secs", "sec", "s", "x"},
    "frame": {"n", "f", "i", "frame_number", "frame_idx", "framenumber"},
    "frames": {"max_frames", "max_f", "length", "total"},
    "noise": {"rand", "random", "perlin"},
    "clamp": {"clip"},
    "lerp": {"mix"},
    "tri": {"triangle"},
    "saw": {"sawtooth"},
}
"""What other languages call ours."""

_REFUSED: dict[type[ast.AST], str] = {
    ast.Attribute: "uses a dot after a name",
    ast.Subscript: "uses square brackets",
    ast.List: "uses square brackets",
    ast.Tuple: "has a comma outside of a function",
    ast.Lambda: "defines a function",
    ast.ListComp: "loops",
    ast.SetComp: "loops",
    ast.DictComp: "loops",
    ast.GeneratorExp: "loops",
    ast.NamedExpr: "assigns with :=",
    ast.JoinedStr: "contains text in quotes",
}


def compile_expression(text: str, heard: Collection[str] = ()) -> Evaluate:
    """The expression as a function of the moment. Raises ExpressionError, and so does the function.

    heard: the names that are functions of the music, which the moment then has.
    """
    if len(text) > LONGEST_TEXT:
        raise ExpressionError(f"is {len(text)} characters long; at most {LONGEST_TEXT} are allowed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "1if t else 2" is a warning to Python and harmless here
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        unreadable = "it is nested too deeply or holds unreadable characters"
        reason = error.msg if isinstance(error, SyntaxError) else unreadable
        told = "" if reason.startswith("invalid") else f": {reason}"  # "invalid syntax" is Python's word, no reason
        raise UnreadableError(f"cannot be read{told}") from None
    if sum(1 for _ in ast.walk(tree)) > MOST_NODES:
        raise ExpressionError("is too large")
    evaluate = _compile(tree.body, DEEPEST, heard)

    def guarded(moment: Moment) -> float:
        try:
            value = float(evaluate(moment))
        except ZeroDivisionError:
            raise ExpressionError("divides by zero") from None
        except OverflowError:
            raise ExpressionError("grows beyond every number") from None
        except ValueError:
            raise ExpressionError("takes a root, power or logarithm that does not exist") from None
        if not math.isfinite(value):
            raise ExpressionError("is not finite")
        return value

    return guarded


def _compile(node: ast.expr, depth: int, heard: Collection[str]) -> Evaluate:
    if depth == 0:
        raise ExpressionError(f"is nested more than {DEEPEST} deep")
    depth -= 1
    match node:
        case ast.Constant():
            return _constant(node.value)
        case ast.Name():
            return _name(node.id, heard)
        case ast.UnaryOp() if type(node.op) in _OPERATORS:
            return _applied(_OPERATORS[type(node.op)], [node.operand], depth, heard)
        case ast.BinOp() if type(node.op) in _OPERATORS:
            return _applied(_OPERATORS[type(node.op)], [node.left, node.right], depth, heard)
        case ast.BoolOp():
            parts = [_compile(value, depth, heard) for value in node.values]
            decide = all if isinstance(node.op, ast.And) else any  # what comes after the decision is not evaluated
            return lambda moment: float(decide(part(moment) for part in parts))
        case ast.Compare() if all(type(op) in _COMPARE for op in node.ops):
            return _applied(_comparison(node.ops), [node.left, *node.comparators], depth, heard)
        case ast.IfExp():
            test, yes, no = (_compile(part, depth, heard) for part in (node.test, node.body, node.orelse))
            return lambda moment: yes(moment) if test(moment) else no(moment)
        case ast.Call():
            return _call(node, depth, heard)
        case _:
            power = isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor)
            reason = "writes a power with ^ instead of **" if power else _REFUSED.get(type(node), _OTHER)
            raise ExpressionError(
                f"{reason}; allowed are + - * / // % **, comparisons, if else, and {', '.join(FUNCTIONS)}"
            )


def _constant(value: object) -> Evaluate:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"contains {repr(value)[:40]}, which is not a number")
    try:
        number = float(value)
    except OverflowError:
        raise ExpressionError("contains a number without end") from None
    return lambda _moment: number


def _name(name: str, heard: Collection[str]) -> Evaluate:
    if name in CONSTANTS:
        number = CONSTANTS[name]
        return lambda _moment: number
    if name in NAMES:
        return lambda moment: float(getattr(moment, name))
    if name in FUNCTIONS or name in heard:
        raise ExpressionError(f"names {name} without its arguments: {_usage(name)}")
    raise ExpressionError(_unknown(name, heard))


def _comparison(operators: list[ast.cmpop]) -> Callable[..., float]:
    """Of a < b <= c, given as its operators."""
    tests = [_COMPARE[type(one)] for one in operators]
    return lambda *values: float(all(test(*pair) for test, pair in zip(tests, pairwise(values), strict=True)))


def _applied(
    function: Callable[..., float], arguments: Sequence[ast.expr], depth: int, heard: Collection[str]
) -> Evaluate:
    parts = [_compile(argument, depth, heard) for argument in arguments]
    return lambda moment: function(*[part(moment) for part in parts])


def _call(node: ast.Call, depth: int, heard: Collection[str]) -> Evaluate:
    if not isinstance(node.func, ast.Name):
        raise ExpressionError("calls something that is not one of its functions: " + ", ".join(FUNCTIONS))
    name = node.func.id
    if name not in FUNCTIONS and name not in heard:
        raise ExpressionError(_unknown(name, heard))
    usage = _usage(name)
    if name in FUNCTIONS:
        fewest, most = FUNCTIONS[name].fewest, FUNCTIONS[name].most
    else:
        fewest = most = SIGNALS[name].arguments if name in SIGNALS else 1
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise ExpressionError(f"gives {name} a named or starred argument: {usage}")
    if not fewest <= len(node.args) <= most:
        raise ExpressionError(f"gives {name} {len(node.args)} arguments: {usage}")
    if name == "noise":
        place, stream = (_compile(argument, depth, heard) for argument in (*node.args, ast.Constant(0))[:2])
        return lambda moment: _noise(place, stream, moment)
    if name in FUNCTIONS:
        return _applied(FUNCTIONS[name].call, node.args, depth, heard)
    return _asked(name, [_compile(argument, depth, heard) for argument in node.args])


def _noise(place: Evaluate, stream: Evaluate, moment: Moment) -> float:
    """In a loop the noise turns into what it was one round before; no less of it on the way."""
    value = smooth_noise(place(moment), moment.seed, math.floor(stream(moment)))
    if moment.earlier is None or moment.earlier[1] == 0:
        return value
    before, share = moment.earlier
    mixed = (1 - share) * value + share * smooth_noise(place(before), before.seed, math.floor(stream(before)))
    return max(-1.0, min(1.0, mixed / math.hypot(1 - share, share)))


def _asked(name: str, parts: Sequence[Evaluate]) -> Evaluate:
    """A function of the music."""

    def evaluate(moment: Moment) -> float:
        assert moment.signals is not None  # a schedule that may name it is bound to them
        return moment.signals.value(name, [part(moment) for part in parts], 1 / moment.fps)

    return evaluate


def calls(text: str) -> Iterator[str]:
    """The names of the functions that an expression calls."""
    for node in ast.walk(ast.parse(text.strip(), mode="eval")):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def _usage(name: str) -> str:
    known = FUNCTIONS.get(name) or SIGNALS.get(name)
    return known.usage if known else f"{name}(t)"


def _unknown(name: str, heard: Collection[str]) -> str:
    if name in SIGNALS and not heard:
        return f"names {name}, which is heard in music: add `music: {{path: a song}}` to the config"
    known = (*NAMES, *FUNCTIONS, *heard)
    meant = next((ours for ours, others in _MEANT.items() if name.lower() in others), None)
    near = [meant] if meant else get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ";"
    return f"names {name[:40]}, which is unknown{hint} Known: {', '.join(known)}"
