"""What is wrong with a value, in our words and never in those of the library that found it.

The words of pydantic are for those who program with it, change with its releases, and tell its types apart where a
person sees a number. Each sentence says what is allowed, and has the field as its subject.
"""

from collections.abc import Mapping
from typing import Any

UNKNOWN = "is not known here"
MISSING = "is missing"
REPEATED = "is given more than once"
OTHERWISE = "is not valid"

TEXT, WHOLE_NUMBER, NUMBER = "must be text", "must be a whole number", "must be a number"
TRUE_OR_FALSE, LIST, OBJECT = "must be true or false", "must be a list", "must be a JSON object"
DAY, TIME = "must be a day, such as 2026-11-27", "must be a time, such as 18:00"
MOMENT, UUID = "must be a day and time, such as 2026-11-27T18:00:00Z", "must be a UUID"
CHOICE = "must be {expected}"

# By the type of pydantic's error (its documentation, "Validation errors"), to be filled in with its context.
SENTENCES = {
    "extra_forbidden": UNKNOWN, "missing": MISSING, "none_required": "must be null",
    "string_type": TEXT, "string_sub_type": TEXT, "string_unicode": TEXT,
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "can have up to {max_length} characters",
    "int_type": WHOLE_NUMBER, "int_parsing": WHOLE_NUMBER, "int_parsing_size": WHOLE_NUMBER,
    "int_from_float": WHOLE_NUMBER,
    "float_type": NUMBER, "float_parsing": NUMBER, "finite_number": NUMBER, "decimal_type": NUMBER,
    "decimal_parsing": NUMBER,
    "greater_than": "must be more than {gt}", "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}", "less_than_equal": "must be {le} or less",
    "multiple_of": "must be a multiple of {multiple_of}",
    "bool_type": TRUE_OR_FALSE, "bool_parsing": TRUE_OR_FALSE,
    "list_type": LIST, "tuple_type": LIST, "set_type": LIST,
    "too_short": "must have {min_length} {units} or more", "too_long": "can have up to {max_length} {units}",
    "dict_type": OBJECT, "model_type": OBJECT, "model_attributes_type": OBJECT, "mapping_type": OBJECT,
    "literal_error": CHOICE, "enum": CHOICE,
    "date_type": DAY, "date_parsing": DAY, "date_from_datetime_parsing": DAY, "date_from_datetime_inexact": DAY,
    "time_type": TIME, "time_parsing": TIME,
    "datetime_type": MOMENT, "datetime_parsing": MOMENT, "datetime_from_date_parsing": MOMENT,
    "datetime_object_invalid": MOMENT,
    "uuid_type": UUID, "uuid_parsing": UUID,
}  # fmt: skip


def what_is_wrong(problem: Mapping[str, Any]) -> str:
    """Return the sentence for one of pydantic's findings; what our own validators said stays as it is."""
    if problem["type"] == "value_error":
        return str(problem["msg"]).removeprefix("Value error, ")
    context = {name: str(value).replace("'", "") for name, value in problem.get("ctx", {}).items()}
    # What is checked after a validator of our own is a "Value", and all of those are texts.
    one, many = ("character", "characters") if context.get("field_type") == "Value" else ("entry", "entries")
    context["units"] = one if context.get("min_length") == "1" else many
    return SENTENCES.get(problem["type"], OTHERWISE).format_map(context)
