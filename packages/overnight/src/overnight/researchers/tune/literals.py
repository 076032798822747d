"""Read the value of a literal expression and write another value in the same style."""

import ast
import math
import operator
from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

import libcst as cst

Number: TypeAlias = int | float
Value: TypeAlias = bool | int | float | str

_LARGEST = 2**63
_OPERATIONS: dict[type[cst.BaseBinaryOp], Callable[[Number, Number], Number]] = {
    cst.Add: operator.add,
    cst.Subtract: operator.sub,
    cst.Multiply: operator.mul,
    cst.Divide: operator.truediv,
    cst.FloorDivide: operator.floordiv,
    cst.Power: operator.pow,
}


def evaluate(expression: cst.BaseExpression) -> Value | None:
    """The value of a boolean, string or number, or of arithmetic on numbers; else None.

    Hexadecimal, octal and binary numbers, byte strings and format strings give None: what
    is written so is hardly ever a quantity.
    """
    match expression:
        case cst.Name(value="True" | "False"):
            return expression.value == "True"
        case cst.SimpleString() if expression.prefix in ("", "r", "u"):
            return str(ast.literal_eval(expression.value))
        case _:
            return _number(expression)


def _number(expression: cst.BaseExpression) -> Number | None:
    match expression:
        case cst.Integer(value=text):
            return int(text) if text.replace("_", "").isdecimal() else None
        case cst.Float(value=text):
            return _bounded(float(text))
        case cst.UnaryOperation(operator=cst.Minus() | cst.Plus() as sign, expression=inner):
            value = _number(inner)
            return -value if value is not None and isinstance(sign, cst.Minus) else value
        case cst.BinaryOperation():
            return _arithmetic(expression)
        case _:
            return None


def _arithmetic(expression: cst.BinaryOperation) -> Number | None:
    operation = _OPERATIONS.get(type(expression.operator))
    left, right = _number(expression.left), _number(expression.right)
    if operation is None or left is None or right is None:
        return None
    if operation is operator.pow and abs(right) > math.log2(_LARGEST):
        return None
    try:
        return _bounded(operation(left, right))
    except (ArithmeticError, TypeError):
        return None


def _bounded(value: object) -> Number | None:
    """The value, unless it is complex, not finite or too large to be meant as a setting."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value if isinstance(value, float) or abs(value) < _LARGEST else None


def styled(expression: cst.BaseExpression, value: Value) -> cst.BaseExpression:
    """An expression for `value`, written the way `expression` is written."""
    if evaluate(expression) == value:
        return expression
    if isinstance(value, bool):
        fresh: cst.BaseExpression = cst.Name(str(value))
    elif isinstance(value, str):
        fresh = _string(expression, value)
    else:
        fresh = _in_style(expression, value)
    return fresh.with_changes(lpar=expression.lpar, rpar=expression.rpar)


def _string(expression: cst.BaseExpression, value: str) -> cst.SimpleString:
    if isinstance(expression, cst.SimpleString):
        quote = expression.quote
        text = f"{expression.prefix}{quote}{value}{quote}"
        if value.isprintable() and "\\" not in value and quote[0] not in value:
            return cst.SimpleString(text)
    return cst.SimpleString(ascii(value))


def _in_style(expression: cst.BaseExpression, value: Number) -> cst.BaseExpression:
    match expression:
        case cst.UnaryOperation(operator=sign, expression=inner):
            negative = isinstance(sign, cst.Minus)
            if (value < 0) == negative:
                return expression.with_changes(expression=styled(inner, abs(value)))
        case cst.BinaryOperation(operator=cst.Power()):
            return _power(expression, value) or _plain("", value)
        case cst.BinaryOperation(operator=cst.Multiply()):
            return _product(expression, value) or _plain("", value)
    text = expression.value if isinstance(expression, cst.Integer | cst.Float) else ""
    return _plain(text, value)


def _power(expression: cst.BinaryOperation, value: Number) -> cst.BaseExpression | None:
    base = _number(expression.left)
    if base is None or base <= 0 or base == 1 or value <= 0:
        return None
    exponent = round(math.log(value) / math.log(base))
    fresh = expression.with_changes(right=_plain("", exponent))
    exact = evaluate(fresh)
    return fresh if exact == value and type(exact) is type(value) else None


def _product(expression: cst.BinaryOperation, value: Number) -> cst.BaseExpression | None:
    left, right = _number(expression.left), _number(expression.right)
    if not (isinstance(left, int) and isinstance(right, int) and isinstance(value, int)):
        return None
    if right == 0 or value % right:
        return None
    return expression.with_changes(left=styled(expression.left, value // right))


def _plain(text: str, value: Number) -> cst.BaseExpression:
    """A number written like the literal `text`; an empty text asks for the usual style."""
    if value < 0:
        return cst.UnaryOperation(cst.Minus(), _plain(text, -value))
    if isinstance(value, int):
        return cst.Integer(f"{value:_}" if "_" in text else str(value))
    if "e" in text.lower():
        return cst.Float(_scientific(value))
    digits = format(Decimal(repr(abs(value))), "f")
    whole, _, decimals = digits.partition(".")
    if text.endswith(".") and not decimals.strip("0"):
        return cst.Float(f"{whole}.")
    if text.startswith(".") and whole == "0":
        whole = ""
    return cst.Float(f"{whole}.{decimals or '0'}")


def _scientific(value: float) -> str:
    """The shortest exact form with an exponent: ``3e-4``, ``1.25e-3``."""
    if not value:
        return "0.0"
    _, digits, _ = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    mantissa = f"{text[0]}.{text[1:]}" if len(text) > 1 else text
    return f"{mantissa}e{Decimal(repr(value)).adjusted()}"
