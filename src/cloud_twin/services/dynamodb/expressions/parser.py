"""Reads expressions: recursive descent, one method for each rule of the grammar."""

from __future__ import annotations

from cloud_twin.services.dynamodb.errors import validation
from cloud_twin.services.dynamodb.expressions import tree
from cloud_twin.services.dynamodb.expressions.reserved_words import RESERVED_WORDS
from cloud_twin.services.dynamodb.expressions.tokens import Token, syntax_error, tokens_of
from cloud_twin.services.dynamodb.expressions.tree import Condition, Kind, Operand, Path

COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})
IN_CHOICES_MAX = 100
_ARGUMENTS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
    "if_not_exists": 2,
    "list_append": 2,
}
_PATH_ONLY = frozenset({"attribute_exists", "attribute_not_exists", "if_not_exists", "size"})
_UPDATE_FUNCTIONS = frozenset({"if_not_exists", "list_append"})
_KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "BETWEEN"})


def parse(kind: Kind, text: str) -> tree.Parsed:
    """Read a whole expression. Raises AwsError (ValidationException) in DynamoDB's words."""
    return _Parser(kind, text).parsed()


class _Parser:
    def __init__(self, kind: Kind, text: str) -> None:
        self._kind = kind
        self._text = text
        self._tokens = tokens_of(kind, text)
        self._at = 0
        self._names: set[str] = set()
        self._values: set[str] = set()

    def parsed(self) -> tree.Parsed:
        root: Condition | tree.Update | tree.Projection
        if self._kind is Kind.UPDATE:
            root = self._update()
        elif self._kind is Kind.PROJECTION:
            root = self._paths()
        else:
            root = self._or()
        if self._peek().type != "end":
            raise self._unexpected()
        return tree.Parsed(self._kind, root, frozenset(self._names), frozenset(self._values))

    # --- tokens ---------------------------------------------------------------------------

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def _next(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _unexpected(self) -> Exception:
        return syntax_error(
            self._kind, self._text, self._tokens, min(self._at, len(self._tokens) - 1)
        )

    def _error(self, text: str) -> Exception:
        return validation(f"Invalid {self._kind.value}: {text}")

    def _is_sign(self, text: str) -> bool:
        token = self._peek()
        return token.type == "sign" and token.text == text

    def _is_word(self, text: str) -> bool:
        token = self._peek()
        return token.type == "word" and token.text.upper() == text

    def _expect(self, text: str) -> None:
        if not self._is_sign(text):
            raise self._unexpected()
        self._at += 1

    # --- conditions -----------------------------------------------------------------------

    def _or(self) -> Condition:
        left = self._and()
        while self._is_word("OR"):
            self._at += 1
            left = tree.Or(left, self._and())
        return left

    def _and(self) -> Condition:
        left = self._not()
        while self._is_word("AND"):
            self._at += 1
            left = tree.And(left, self._not())
        return left

    def _not(self) -> Condition:
        if self._is_word("NOT"):
            self._at += 1
            return tree.Not(self._not())
        if self._is_sign("("):
            self._at += 1
            inner = self._or()
            self._expect(")")
            return inner
        return self._test()

    def _test(self) -> Condition:
        token = self._peek()
        if token.type == "word" and self._peek(1).text == "(" and token.text != "size":
            return self._function()
        left = self._operand()
        token = self._next()
        if token.type == "sign" and token.text in COMPARATORS:
            right = self._operand()
            self._check_distinct(token.text, left, right)
            return tree.Comparison(token.text, left, right)
        if token.type == "word" and token.text.upper() == "BETWEEN":
            lower = self._operand()
            if not self._is_word("AND"):
                raise self._unexpected()
            self._at += 1
            return tree.Between(left, lower, self._operand())
        if token.type == "word" and token.text.upper() == "IN":
            return tree.In(left, self._choices())
        self._at -= 1
        raise self._unexpected()

    def _check_distinct(self, operator: str, left: Operand, right: Operand) -> None:
        if left == right and isinstance(left, Path):
            shown = ", ".join(str(part) for part in left.parts)
            raise self._error(
                f"The first operand must be distinct from the remaining operands for this "
                f"operator or function; operator: {operator}, first operand: [{shown}]"
            )

    def _choices(self) -> tuple[Operand, ...]:
        self._expect("(")
        choices = [self._operand()]
        while self._is_sign(","):
            self._at += 1
            choices.append(self._operand())
        self._expect(")")
        if len(choices) > IN_CHOICES_MAX:
            raise self._error(
                f"The IN operator is provided with too many operands; number of operands: "
                f"{len(choices)}"
            )
        return tuple(choices)

    def _function(self) -> Condition:
        name, arguments = self._call()
        if name in _UPDATE_FUNCTIONS:
            raise self._error(
                f"The function is not allowed in a condition expression; function: {name}"
            )
        if self._kind is Kind.KEY_CONDITION and name != "begins_with":
            raise self._error(f"Invalid operator used in {self._kind.value}: {name}")
        return tree.Function(name, arguments)

    def _call(self) -> tuple[str, tuple[Operand, ...]]:
        name = self._next().text
        if name not in _ARGUMENTS:
            raise self._error(f"Invalid function name; function: {name}")
        self._expect("(")
        arguments = [self._operand()]
        while self._is_sign(","):
            self._at += 1
            arguments.append(self._operand())
        self._expect(")")
        if len(arguments) != _ARGUMENTS[name]:
            raise self._error(
                f"Incorrect number of operands for operator or function; operator or function: "
                f"{name}, number of operands: {len(arguments)}"
            )
        if name in _PATH_ONLY and not isinstance(arguments[0], Path):
            raise self._error(
                f"Operator or function requires a document path; operator or function: {name}"
            )
        return name, tuple(arguments)

    # --- operands -------------------------------------------------------------------------

    def _operand(self) -> Operand:
        token = self._peek()
        if token.type == "value":
            self._at += 1
            self._values.add(token.text)
            return tree.Value(token.text)
        if token.type == "word" and self._peek(1).text == "(":
            return self._operand_function()
        return self._path()

    def _operand_function(self) -> Operand:
        name, arguments = self._call()
        first = arguments[0]
        if name == "size" and self._kind is not Kind.UPDATE and isinstance(first, Path):
            return tree.Size(first)
        if self._kind is Kind.UPDATE:
            if name == "if_not_exists" and isinstance(first, Path):
                return tree.IfNotExists(first, arguments[1])
            if name == "list_append":
                return tree.ListAppend(first, arguments[1])
            raise self._error(
                f"The function is not allowed in an update expression; function: {name}"
            )
        raise self._error(
            f"The function is not allowed to be used this way in an expression; function: {name}"
        )

    def _path(self) -> Path:
        parts: list[str | int] = [self._name()]
        while True:
            if self._is_sign("."):
                self._at += 1
                parts.append(self._name())
            elif self._is_sign("["):
                self._at += 1
                if self._peek().type != "number":
                    raise self._unexpected()
                parts.append(int(self._next().text))
                self._expect("]")
            else:
                placeholders = any(type(part) is str and part[0] == "#" for part in parts)
                return Path(tuple(parts), placeholders)

    def _name(self) -> str:
        token = self._peek()
        if token.type == "name":
            self._names.add(token.text)
        elif token.type != "word" or token.text.upper() in _KEYWORDS:
            raise self._unexpected()
        elif token.text.upper() in RESERVED_WORDS:
            raise self._error(
                f"Attribute name is a reserved keyword; reserved keyword: {token.text}"
            )
        self._at += 1
        return token.text

    def _paths(self) -> tree.Projection:
        paths = [self._path()]
        while self._is_sign(","):
            self._at += 1
            paths.append(self._path())
        return tuple(paths)

    # --- updates --------------------------------------------------------------------------

    def _update(self) -> tree.Update:
        actions: list[tree.Action] = []
        seen: set[str] = set()
        while self._peek().type != "end":
            token = self._peek()
            verb = token.text.upper()
            if token.type != "word" or verb not in ("SET", "REMOVE", "ADD", "DELETE"):
                raise self._unexpected()
            if verb in seen:
                raise self._error(
                    f'The "{verb}" section can only be used once in an update expression;'
                )
            seen.add(verb)
            self._at += 1
            actions.append(self._action(verb))
            while self._is_sign(","):
                self._at += 1
                actions.append(self._action(verb))
        return tuple(actions)

    def _action(self, verb: str) -> tree.Action:
        path = self._path()
        if verb == "REMOVE":
            return tree.Action(verb, path)
        if verb == "SET":
            self._expect("=")
            return tree.Action(verb, path, self._set_value())
        if self._peek().type != "value":
            raise self._unexpected()
        return tree.Action(verb, path, self._operand())

    def _set_value(self) -> Operand:
        bracketed = self._is_sign("(")
        self._at += bracketed
        left = self._operand()
        token = self._peek()
        if token.type == "sign" and token.text in ("+", "-"):
            self._at += 1
            left = tree.Arithmetic(token.text, left, self._operand())
        if bracketed:
            self._expect(")")
        return left
