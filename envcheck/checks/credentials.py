"""CRED: tokens and keys, of which only presence and form are known."""

from __future__ import annotations

from envcheck.checks.base import Check, Context
from envcheck.model.finding import Finding, Remedy, fail, passed, unknown
from envcheck.model.reading import records, strings, text
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_EMPTY = ("it is empty", "it is only white space")


def malformed(context: Context) -> Iterator[Finding]:
    """A token or key cannot be what it should be.

    ## Why it matters
    It is sent as it is: the answer is "401 Unauthorized", or "Illegal header value" from deep
    inside a library, for a model that the account may well read.

    ## Causes
    Quotation marks in an `.env` file or a Dockerfile, a newline from `echo` or from a mounted
    secret, the word `Bearer`, a reference such as `${{ secrets.HF_TOKEN }}` that nothing expanded,
    an empty secret in a CI run for a fork.

    ## Remedy
    Set it to the bare token, or unset it.

    ## Sources
    huggingface_hub, "Environment variables"; RFC 9110, section 5.5, on values of headers. The value
    itself is never read into a report.
    """
    for item in records(context["credentials.variables"]):
        problems = strings(item.get("problems"))
        if item.get("status") == "malformed" and problems:
            name = text(item.get("name"))
            is_empty = problems[0] in _EMPTY
            yield fail(
                f"{name}: {'; '.join(problems)}",
                severity="note" if is_empty else "",
                detail="It counts as not set." if is_empty else "",
                subject=name,
                remedy=Remedy(f"Set {name} to the bare value, or unset it"),
            )


def legacy(context: Context) -> Iterator[Finding]:
    """The token is in a variable that newer libraries do not read.

    ## Why it matters
    `HUGGING_FACE_HUB_TOKEN` is kept for compatibility only; `HF_TOKEN` wins where both are set.

    ## Causes
    Instructions from before huggingface_hub 0.15.

    ## Remedy
    Set `HF_TOKEN` instead.

    ## Sources
    huggingface_hub 2.4.0, utils/_auth.py: `_get_token_from_environment`.
    """
    status = _status(context)
    if status.get("HUGGING_FACE_HUB_TOKEN", "absent") == "absent":
        return
    both = status.get("HF_TOKEN", "absent") != "absent"
    yield fail(
        "HUGGING_FACE_HUB_TOKEN is an old name; HF_TOKEN "
        + ("is set too and wins" if both else "is the one to set"),
        subject="HUGGING_FACE_HUB_TOKEN",
        remedy=Remedy("Set HF_TOKEN and unset HUGGING_FACE_HUB_TOKEN"),
    )


def files(context: Context) -> Iterator[Finding]:
    """A file with a token in it cannot be read, holds no token, or is open to other users.

    ## Why it matters
    The client fails when it reads the file, or sends what is in it; other users of the machine can
    take the token.

    ## Causes
    A cache directory written as root or by another user's container; a copied home directory.

    ## Remedy
    Log in again with `hf auth login`, or set the file's owner and mode.

    ## Sources
    huggingface_hub 2.4.0, constants.py: `HF_TOKEN_PATH`.
    """
    for item in records(context["credentials.files"]):
        problems = strings(item.get("problems"))
        path, status = text(item.get("path")), item.get("status")
        if status in ("unreadable", "malformed"):
            yield fail(
                f"{path}: {'; '.join(problems) or status}",
                subject=path,
                remedy=_login(context, text(item.get("name"))),
            )
        elif problems:
            from envcheck.checks import remedies

            yield fail(
                f"{path}: {'; '.join(problems)}",
                severity="note",
                subject=path,
                remedy=remedies.typed(context, "Keep it for yourself", [["chmod", "600", path]]),
            )


def _login(context: Context, name: str) -> Remedy:
    from envcheck.checks import remedies

    command = ["hf", "auth", "login"] if name == "token" else ["wandb", "login", "--relogin"]
    return remedies.typed(context, "Log in again", [command])


def required(context: Context) -> Iterator[Finding]:
    """An environment variable that the profile asks for is not set, or cannot be right.

    ## Why it matters
    As the profile says; without a credential, private models and data sets are "not found".

    ## Causes
    It is set in an interactive shell and not in the service, container or CI job.

    ## Remedy
    Set it where the programs run. A credential that the profile calls optional is reported and
    never fails.

    ## Sources
    The profile's own line, shown with the finding. Values are never read into a report.
    """
    for requirement in context.requirements("variable"):
        asked = records(context["credentials.variables"])
        found = {text(item.get("name")): item for item in asked}
        yield _required(context, requirement, found.get(requirement.name))


def _required(context: Context, requirement: Any, item: dict[str, Any] | None) -> Finding:
    name = requirement.name
    fields = context.about(requirement, name)
    if requirement.optional:
        fields["required"] = False
    if item is None:
        return unknown(f"{name} was not looked for", **fields)
    status = item.get("status")
    if status == "present":
        return passed(f"{name} is set", **fields)
    if status == "malformed" and not requirement.optional:
        problems = "; ".join(strings(item.get("problems")))
        return fail(f"{name} is set and cannot be right: {problems}", **fields)
    if status == "malformed":
        return passed(f"{name} is set, and malformed (optional)", **fields)
    if name == "HF_TOKEN" and context.get("credentials.hub.source"):
        return passed(f"a token comes from {context.get('credentials.hub.source')}", **fields)
    if requirement.optional:
        return passed(f"{name} is not set (optional)", **fields)
    return fail(f"{name} is not set", remedy=Remedy(f"Set {name}"), **fields)


def _status(context: Context) -> dict[str, str]:
    return {
        text(item.get("name")): text(item.get("status"))
        for item in records(context["credentials.variables"])
    }


CHECKS = (
    Check("CRED101", "tokens and keys are well formed", "warning", malformed),
    Check("CRED102", "no old names of tokens are in use", "note", legacy),
    Check("CRED103", "files with tokens are in order", "warning", files),
    Check("CRED201", "variables of the profile are set", "error", required),
)
