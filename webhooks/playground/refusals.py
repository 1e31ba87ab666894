"""GitHub's refusals: one exception with the status, the message and the errors that GitHub would send.

Source: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
Left out: the documentation link of each single operation; the link of the REST docs stands for all.
"""

from __future__ import annotations

from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"


class Refused(Exception):
    """GitHub will not do it. `status` is HTTP's; `errors` as in a 422's body."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.errors, self.headers = status, message, errors, headers or {}

    @property
    def body(self) -> dict[str, Any]:
        """The JSON that GitHub answers with."""
        body: dict[str, Any] = {"message": self.message}
        if self.errors is not None:
            body["errors"] = self.errors
        return body | {"documentation_url": DOCUMENTATION, "status": str(self.status)}


def not_found() -> Refused:
    """What is not there, and what one may not know to be there."""
    return Refused(404, "Not Found")


def invalid(resource: str, field: str, code: str, message: str = "") -> Refused:
    """A 422 with one error."""
    error = {"resource": resource, "code": code, "field": field}
    return Refused(422, "Validation Failed", [error | ({"message": message} if message else {})])


def forbidden(message: str = "Resource not accessible by integration") -> Refused:
    """A 403: authenticated, and not allowed."""
    return Refused(403, message)
