"""Tokens and keys: present, absent or malformed.

No value is ever reported, nor a part of one, nor its length.
"""

import os

from ..protocol import IS_WINDOWS, Field, read_bytes

FIELDS = (
    Field(
        "variables",
        "records",
        "Variables that hold a secret, or that the profile asks for",
        item=(
            Field("name", "string", "Name of the variable"),
            Field("status", "string", "`present absent malformed`"),
            Field("problems", "strings", "What is wrong with the value, without quoting it"),
        ),
    ),
    Field(
        "files",
        "records",
        "Files that hold a secret",
        item=(
            Field("name", "string", "`token`: of the Hugging Face Hub; `netrc`: of W&B"),
            Field("path", "string", "Where it is looked for, or the variable that says so"),
            Field("status", "string", "`present absent malformed unreadable`"),
            Field("problems", "strings", "What is wrong with it, without quoting it"),
        ),
    ),
    Field("hub.source", "string", "Where the Hub's client would take its token from"),
    Field("home", "string", "Directory of the Hub's client: `HF_HOME` or its default"),
    Field("home.source", "string", "The variable that decides it, or `default`"),
)

#: Asked for always. What a profile names comes on top (``request.variables``).
HUB = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
ALWAYS = HUB + ("WANDB_API_KEY", "HF_HOME")
#: Looked at only if they are set.
OTHERS = (
    "HUGGINGFACEHUB_API_TOKEN",
    "COMET_API_KEY",
    "NEPTUNE_API_TOKEN",
    "MLFLOW_TRACKING_TOKEN",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "KAGGLE_KEY",
    "GITHUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
)
_SECRET_WORDS = ("TOKEN", "KEY", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")
_PLACEHOLDERS = (
    "changeme",
    "change-me",
    "your_token",
    "your-token",
    "your_api_key",
    "your-api-key",
)


def collect(facts, request):
    names = list(ALWAYS) + [name for name in request.variables if name not in ALWAYS]
    names += [name for name in OTHERS if name in os.environ and name not in names]
    variables = [_variable(name) for name in names]
    facts.known("variables", variables, "environment")
    home, source = hub_home()
    facts.known("home", home, source)
    facts.known("home.source", source, source)
    token = _token_file(home)
    facts.known("files", [record for record in (token, _netrc()) if record], "home directory")
    status = {record["name"]: record["status"] for record in variables}
    usable = [name for name in HUB if status[name] != "absent" and os.environ[name].strip()]
    if usable:
        facts.known("hub.source", usable[0], "environment")
    else:
        there = token["status"] in ("present", "malformed")
        facts.found(
            "hub.source", "the token file" if there else None, "variables, then the token file"
        )


def hub_home():
    """(directory, what decides it) as huggingface_hub computes it."""
    cache = os.path.join(os.path.expanduser("~"), ".cache")
    source = "HF_HOME"
    path = os.environ.get("HF_HOME")
    if path is None:
        source = "XDG_CACHE_HOME" if "XDG_CACHE_HOME" in os.environ else "default"
        path = os.path.join(os.environ.get("XDG_CACHE_HOME", cache), "huggingface")
    return os.path.expandvars(os.path.expanduser(path)), source


def _variable(name):
    value = os.environ.get(name)
    if value is None:
        return {"name": name, "status": "absent", "problems": []}
    is_secret = any(word in name.upper() for word in _SECRET_WORDS)
    found = problems(value) if is_secret else setting_problems(value)
    return {"name": name, "status": "malformed" if found else "present", "problems": found}


def problems(value):
    """What makes ``value`` no token, in words that say nothing about it."""
    if not value.strip():
        return ["it is empty" if not value else "it is only white space"]
    found = setting_problems(value)
    if value != value.strip() and value[-1] not in "\r\n":
        found.append("it begins or ends with white space")
    bare = value.strip().strip("\"'")
    if any(char.isspace() for char in bare):
        if bare[:7].lower() == "bearer ":
            found.append("it begins with the word `Bearer`, which the client adds itself")
        else:
            found.append("there is white space in it")
    if any(ord(char) > 126 or (ord(char) < 32 and not char.isspace()) for char in value):
        found.append("it has characters that no header may hold")
    lower = bare.lower()
    if lower in _PLACEHOLDERS or lower.strip("x*.") == "" or lower[:1] + lower[-1:] == "<>":
        found.append("it is a placeholder")
    return found


def setting_problems(value):
    """What makes ``value`` wrong for any variable."""
    found = []
    if not value:
        return ["it is empty"]
    stripped = value.strip()
    if stripped[:1] in ("'", '"') or stripped[-1:] in ("'", '"'):
        found.append("the quotation marks are part of the value")
    if value[-1] in "\r\n":  # a file with the line ends of Windows, a secret from `echo`
        found.append("it ends with a newline")
    if "${{" in value or (stripped.strip("\"'").startswith("${") and stripped.endswith("}")):
        found.append("it is a reference that was not expanded")
    return found


def _token_file(home):
    chosen = os.environ.get("HF_TOKEN_PATH")
    path = os.path.expandvars(os.path.expanduser(chosen)) if chosen else os.path.join(home, "token")
    status, found = _file(path, problems_of_file)
    if status == "absent" and chosen:
        # a token where its path is meant: happens, and must not be shown
        path = "HF_TOKEN_PATH"
        if os.sep not in chosen and "." not in chosen:
            status, found = "malformed", ["it names no file; it must be a path, not a token"]
    return {"name": "token", "path": path, "status": status, "problems": found}


def problems_of_file(text):
    """As ``problems``, but one newline at the end is as it should be."""
    return problems(text[:-1] if text.endswith("\n") and text.strip() else text)


def _netrc():
    """W&B's entry in ~/.netrc; None if there is no such file."""
    path = os.environ.get("NETRC") or os.path.join(
        os.path.expanduser("~"), "_netrc" if IS_WINDOWS else ".netrc"
    )
    if not os.path.lexists(path):
        return None
    status, found = _file(path, _netrc_problems)
    if status == "present" and found is None:
        status, found = "absent", []
    return {"name": "netrc", "path": path, "status": status, "problems": found}


def _netrc_problems(text):
    """Of the entry whose machine has `wandb` in its name; None if there is none."""
    words = text.split()
    for index, word in enumerate(words[:-1]):
        if word == "machine" and "wandb" in words[index + 1]:
            entry = words[index + 2 : index + 6]
            if "password" in entry and entry.index("password") + 1 < len(entry):
                return problems(entry[entry.index("password") + 1])
            return ["the entry has no password"]
    return None


def _file(path, judge):
    """(status, problems) of a file with a secret in it."""
    if not os.path.lexists(path):
        return "absent", []
    if os.path.isdir(path):
        return "malformed", ["it is a directory"]
    data = read_bytes(path, 65536)
    if data is None:
        return "unreadable", ["this user cannot read it"]
    try:
        found = judge(data.decode("utf-8"))
    except UnicodeDecodeError:
        found = ["it is not text"]
    if found:
        return "malformed", found + _exposure(path)
    return "present", found if found is None else _exposure(path)


def _exposure(path):
    if IS_WINDOWS or not os.stat(path).st_mode & 0o044:
        return []
    return ["other users may read it"]
