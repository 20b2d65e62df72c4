"""Safe arithmetic for schedules: text to a function of the moment, from which nothing else can be reached.

Python's own parser reads the text, and every node is looked up in a short list; what is not in it is an error. Nothing
is handed to `eval`, all numbers are floats (no power can fill the memory), length, nesting and size are bounded.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import NamedTuple

from zoomdream.config.curves import smooth_noise

LONGEST_TEXT = 1000
MOST_NODES = 400
DEEPEST = 40


class Moment(NamedTuple):
    """What an expression can see: seconds, frame, number of frames, share of the way, frames per second, seed.

    earlier: in a loop, the same moment one round before, and how far noise has turned into what it was then, 0..1.
    """

    t: float
    frame: float
    frames: float
    u: float
    fps: float
    seed: int
    earlier: tuple[Moment, float] | None = None


Evaluate = Callable[[Moment], float]


class Function(NamedTuple):
    """A function that expressions may call; `usage` shows its arguments, of which there are `fewest` to `most`."""

    call: Callable[..., float]
    fewest: int
    most: int
    usage: str
    about: str


class ExpressionError(ValueError):
    """An expression cannot be read or evaluated. The message of this file continues "the expression ..."."""


def _phase(x: float, period: float) -> float:
    return (x / period) % 1.0


def _clamp(x: float, low: float, high: float) -> float:
    return max(low, min(high, x))


def _smoothstep(low: float, high: float, x: float) -> float:
    share = _clamp((x - low) / (high - low), 0.0, 1.0)
    return share * share * (3 - 2 * share)


def _triangle(x: float, period: float) -> float:
    return 1 - 4 * abs(_phase(x + period / 4, period) - 0.5)


def _square(x: float, period: float) -> float:
    return 1.0 if _phase(x, period) < 0.5 else -1.0


def _pulse(x: float, period: float, width: float = 0.5) -> float:
    return 1.0 if _phase(x, period) < width else 0.0


FUNCTIONS: dict[str, Function] = {
    "sin": Function(
        math.sin, 1, 1, "sin(x)", "The sine; 2*pi is one round: sin(2*pi*t/8) swings between -1 and 1 every 8 seconds."
    ),
    "cos": Function(math.cos, 1, 1, "cos(x)", "The cosine: the sine a quarter of a round earlier."),
    "tan": Function(math.tan, 1, 1, "tan(x)", "The tangent."),
    "exp": Function(math.exp, 1, 1, "exp(x)", "e to the power of x: exp(-2*t) fades from 1 towards 0."),
    "log": Function(math.log, 1, 1, "log(x)", "The natural logarithm of x above 0."),
    "sqrt": Function(math.sqrt, 1, 1, "sqrt(x)", "The square root of x from 0."),
    "abs": Function(abs, 1, 1, "abs(x)", "x without its sign."),
    "min": Function(min, 2, 8, "min(a, b)", "The smallest of 2 to 8 numbers."),
    "max": Function(max, 2, 8, "max(a, b)", "The largest of 2 to 8 numbers."),
    "floor": Function(lambda x: float(math.floor(x)), 1, 1, "floor(x)", "The next whole number below."),
    "ceil": Function(lambda x: float(math.ceil(x)), 1, 1, "ceil(x)", "The next whole number above."),
    "clamp": Function(_clamp, 3, 3, "clamp(x, low, high)", "x, but never below low nor above high."),
    "lerp": Function(
        lambda a, b, share: a + (b - a) * share, 3, 3, "lerp(a, b, share)", "From a (share 0) to b (share 1)."
    ),
    "smoothstep": Function(
        _smoothstep, 3, 3, "smoothstep(low, high, x)", "0 below low, 1 above high, and a soft rise between."
    ),
    "tri": Function(_triangle, 2, 2, "tri(t, period)", "A triangle wave between -1 and 1 that begins at 0 and rises."),
    "saw": Function(
        lambda x, period: 2 * _phase(x, period) - 1,
        2,
        2,
        "saw(t, period)",
        "A ramp from -1 to 1 that jumps back after each period.",
    ),
    "square": Function(_square, 2, 2, "square(t, period)", "1 for half a period, then -1."),
    "pulse": Function(
        _pulse, 2, 3, "pulse(t, period, width)", "1 for the share `width` of each period (0.5 where left out), else 0."
    ),
    "noise": Function(
        smooth_noise,
        1,
        2,
        "noise(t, stream)",
        "A smooth walk between -1 and 1, new about each 1 of t and the same for a seed; other streams are others.",
    ),
}

CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}
NAMES = {
    "t": "Seconds since the start of the film.",
    "frame": "The frame's number, from 0; between two frames a fraction.",
    "frames": "How many frames the film has.",
    "u": "How much of the film has passed: 0 at the first frame, 1 at the last; in a loop 1 is the first frame again.",
    "fps": "Frames per second.",
    "seed": "The config's seed.",
    "pi": "3.14159..., half a round.",
    "e": "2.71828..., the base of exp and log.",
    "tau": "2*pi, a whole round.",
}
"""What expressions may name: the fields of a moment, then the constants, with what they are."""

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


def compile_expression(text: str) -> Evaluate:
    """The expression as a function of the moment. Raises ExpressionError, and so does the function."""
    if len(text) > LONGEST_TEXT:
        raise ExpressionError(f"is {len(text)} characters long; at most {LONGEST_TEXT} are allowed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "1if t else 2" is a warning to Python and harmless here
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        unreadable = "it is nested too deeply or holds unreadable characters"
        reason = error.msg if isinstance(error, SyntaxError) else unreadable
        raise ExpressionError(f"cannot be read: {reason}") from None
    if sum(1 for _ in ast.walk(tree)) > MOST_NODES:
        raise ExpressionError("is too large")
    evaluate = _compile(tree.body, DEEPEST)

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


def _compile(node: ast.expr, depth: int) -> Evaluate:
    if depth == 0:
        raise ExpressionError(f"is nested more than {DEEPEST} deep")
    depth -= 1
    match node:
        case ast.Constant():
            return _constant(node.value)
        case ast.Name():
            return _name(node.id)
        case ast.UnaryOp() if type(node.op) in _OPERATORS:
            return _applied(_OPERATORS[type(node.op)], [node.operand], depth)
        case ast.BinOp() if type(node.op) in _OPERATORS:
            return _applied(_OPERATORS[type(node.op)], [node.left, node.right], depth)
        case ast.BoolOp():
            parts = [_compile(value, depth) for value in node.values]
            decide = all if isinstance(node.op, ast.And) else any  # what comes after the decision is not evaluated
            return lambda moment: float(decide(part(moment) for part in parts))
        case ast.Compare() if all(type(op) in _COMPARE for op in node.ops):
            return _applied(_comparison(node.ops), [node.left, *node.comparators], depth)
        case ast.IfExp():
            test, yes, no = (_compile(part, depth) for part in (node.test, node.body, node.orelse))
            return lambda moment: yes(moment) if test(moment) else no(moment)
        case ast.Call():
            return _call(node, depth)
        case _:
            reason = _REFUSED.get(type(node), "uses something that is not arithmetic")
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


def _name(name: str) -> Evaluate:
    if name in CONSTANTS:
        number = CONSTANTS[name]
        return lambda _moment: number
    if name in NAMES:
        return lambda moment: float(getattr(moment, name))
    if name in FUNCTIONS:
        raise ExpressionError(f"names {name} without its arguments: {FUNCTIONS[name].usage}")
    raise ExpressionError(_unknown(name))


def _comparison(operators: list[ast.cmpop]) -> Callable[..., float]:
    """Of a < b <= c, given as its operators."""
    tests = [_COMPARE[type(one)] for one in operators]
    return lambda *values: float(all(test(*pair) for test, pair in zip(tests, pairwise(values), strict=True)))


def _applied(function: Callable[..., float], arguments: Sequence[ast.expr], depth: int) -> Evaluate:
    parts = [_compile(argument, depth) for argument in arguments]
    return lambda moment: function(*[part(moment) for part in parts])


def _call(node: ast.Call, depth: int) -> Evaluate:
    if not isinstance(node.func, ast.Name):
        raise ExpressionError("calls something that is not one of its functions: " + ", ".join(FUNCTIONS))
    name = node.func.id
    if name not in FUNCTIONS:
        raise ExpressionError(_unknown(name))
    call, fewest, most, usage, _ = FUNCTIONS[name]
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise ExpressionError(f"gives {name} a named or starred argument: {usage}")
    if not fewest <= len(node.args) <= most:
        raise ExpressionError(f"gives {name} {len(node.args)} arguments: {usage}")
    if name == "noise":
        place, stream = (_compile(argument, depth) for argument in (*node.args, ast.Constant(0))[:2])
        return lambda moment: _noise(place, stream, moment)
    return _applied(call, node.args, depth)


def _noise(place: Evaluate, stream: Evaluate, moment: Moment) -> float:
    """In a loop the noise turns into what it was one round before; no less of it on the way."""
    value = smooth_noise(place(moment), moment.seed, math.floor(stream(moment)))
    if moment.earlier is None or moment.earlier[1] == 0:
        return value
    before, share = moment.earlier
    mixed = (1 - share) * value + share * smooth_noise(place(before), before.seed, math.floor(stream(before)))
    return _clamp(mixed / math.hypot(1 - share, share), -1, 1)


def _unknown(name: str) -> str:
    near = get_close_matches(name, (*NAMES, *FUNCTIONS), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ";"
    return f"names {name[:40]}, which is unknown{hint} Known: {', '.join((*NAMES, *FUNCTIONS))}"
