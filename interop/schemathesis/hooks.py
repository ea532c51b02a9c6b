"""Guides schemathesis through a server that has one agent called `fake`, and checks what its own checks cannot.

A schema cannot say which agents, workers and directories there are. So well-formed names of them are replaced by
names that exist, which lets most requests through to what lies behind; and where one is refused all the same, the
refusal must be of one of the few kinds that are about what is there, not about how the request looks.
"""

import json
import os

import schemathesis

DIRECTORY = os.environ.get("CONVENE_FUZZ_DIRECTORY", "")

# Refusals of well-formed requests, by status.
ABOUT_WHAT_IS_THERE = {
    400: {
        "agent_unknown",
        "config_option_unknown",
        "content_unsupported",
        "cwd_missing",
        "cwd_not_a_directory",
        "model_unknown",
        "permission_option_invalid",
        "worker_unknown",
        "worktree_not_git",
    },
    410: {"cursor_too_old", "login_link_used"},
}

# Prompts that make the fake agent do things.
WORDS = ["PERM", "TOOL", "PLAN", "SLOW", "ELICIT", "THINK 3", "DIFF", "STREAM 20", "FAIL -32000", "CRASH"]


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict):
        settle(body)
        if isinstance(body.get("session"), dict):
            settle(body["session"])
    return body


def settle(body):
    """Puts names that exist in the place of well-formed ones; what is malformed stays so."""
    if is_filled(body.get("agent")):
        body["agent"] = "fake"
    if isinstance(body.get("cwd"), str) and body["cwd"].startswith("/"):
        body["cwd"] = DIRECTORY
    directories = body.get("add_dirs")
    if isinstance(directories, list) and directories and all(isinstance(d, str) and d.startswith("/") for d in directories):
        body["add_dirs"] = [DIRECTORY]
    for field in ("prompt", "content"):
        text = body.get(field)
        if isinstance(text, str) and text.strip() and len(text) % 2 == 0:
            body[field] = WORDS[len(text) // 2 % len(WORDS)]


def is_filled(value):
    return isinstance(value, str) and value != ""


@schemathesis.check
def refusals_name_what_is_not_there(context, response, case):
    """A well-formed request is refused only for what is or is not there."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive:
        return
    allowed = ABOUT_WHAT_IS_THERE.get(response.status_code)
    if allowed is None:
        return
    said = problem(response)
    code = said.get("code")
    # A setting of a live agent: its values are the agent's.
    if case.method == "PATCH" and code == "invalid_request" and said.get("field") in ("mode", "model") and "allowed" in said:
        return
    # One of several fields must be there, which a generated client could not tell from a schema of alternatives.
    if code == "invalid_request" and str(said.get("why", "")).startswith("say which"):
        return
    if code not in allowed:
        raise AssertionError(f"a well-formed request was refused with {response.status_code} {code}: {response.text[:300]}")


@schemathesis.check
def refusals_are_problems(context, response, case):
    """Every refusal is a problem object that says its own status, a code, and what happened."""
    if response.status_code < 400:
        return
    if response.request.method == "HEAD":
        return
    said = problem(response)
    if said.get("status") != response.status_code or not said.get("code") or not said.get("detail"):
        raise AssertionError(f"{response.status_code} without a problem: {response.text[:300]}")
    if said["code"] == "internal":
        raise AssertionError(f"a bug: {response.text[:300]}")


def problem(response):
    try:
        said = json.loads(response.content)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
