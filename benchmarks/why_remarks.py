"""What is to be said of each case of ``benchmarks/why.py``: what is right, and what misleads."""

from __future__ import annotations

REMARKS: dict[tuple[str, str], str] = {
    ("torch==2.15.0", "3.13-alpine"): (
        "pip: nothing but that there is none, as if the index had no torch (`from versions: "
        "none`). uv is right and names the tag and the platforms; that another image has it is "
        "left to the reader."
    ),
    ("accelerate", "3.13-alpine"): (
        "uv succeeds, with 0.0.1 of 2020, which only installs because it does not say that "
        "it needs torch: `import accelerate` fails there. pip downloads release after "
        "release and ends with Meson's log about a missing compiler, for an old numpy that "
        "an old accelerate wants. The reason is torch."
    ),
    ("transformers[torch]", "3.13-alpine"): (
        "Without a version both walk through all releases and tell the whole walk: uv each "
        "step of its proof, pip each release that conflicts, and neither ends with the "
        "reason. One line says it: torch has no musllinux wheel."
    ),
    ("transformers[torch]==5.23.0", "3.13-alpine"): (
        "uv is right, and short because a version is named. pip says `from versions: none` "
        "after it has downloaded 42 MB of wheels."
    ),
    ("tensorflow", "3.14-slim-bookworm"): (
        "uv takes a pre-release of tensorflow and a nightly of keras, and does not say so. pip "
        "says that there is none at all. What is: no wheel of 2.21.0 for 3.14, though it allows "
        "3.14."
    ),
    ("tensorflow==2.21.0", "3.14-slim-bookworm"): (
        "uv is right and names the ABI tags. The pre-release that would do, and the Pythons "
        "that would, are not named."
    ),
    ("open3d", "3.13-alpine"): (
        "uv is right, but the reader has to find out that the newest release matters and the "
        "first part of the derivation does not."
    ),
    ("bitsandbytes==0.50.2", "3.13-alpine"): (
        "pip offers 0.42.0 and older, whose wheels are tagged for any platform and have shared "
        "objects of glibc in them: whoever follows that list gets what cannot be imported."
    ),
    ("duckdb", "3.14-alpine"): (
        "uv says yes to an sdist without a word; there is no compiler. pip was asked from "
        "outside, for wheels only, and says `from versions: none`."
    ),
    ("pyobjc-core", "3.12-slim-bookworm"): (
        "uv says yes. pip runs the build to learn it, and has the reason in the middle of its "
        "message (`PyObjC requires macOS to build`), above two notes that say nothing."
    ),
    ("psycopg2", "3.12-slim-bookworm"): (
        "uv says yes. pip runs the build; its reason is right (pg_config), one of 55 lines, and "
        "once that is there the compiler is missing next. Here both are told at once, with the "
        "packages."
    ),
    ("mysqlclient", "3.12-slim-bookworm"): (
        "As with psycopg2: uv says yes, pip's reason (pkg-config) is among a traceback, and the "
        "compiler would come next."
    ),
    ("triton", "3.9-slim-bookworm"): (
        "Both install 3.4.0 and do not say that it is not the newest, nor why."
    ),
    ("vllm==0.33.0", "3.13-alpine"): (
        "pip: none. uv: `no usable wheels` because building is forbidden, and nothing of musl, "
        "which is the reason; allowing to build would fetch gigabytes to fail later."
    ),
    ("vllm==0.33.0", "3.12-slim-bookworm"): (
        "All three name certifi. That this index is behind (the release was published with that "
        "requirement, so it is somewhere) is said by envcheck alone."
    ),
    ("numpy==1.26.4", "3.13-slim-bookworm"): (
        "uv says yes to an sdist. pip downloads it with its build requirements and prints "
        "Meson's log. That a wheel is missing only for this Python, neither says."
    ),
    ("numppy", "3.12-slim-bookworm"): (
        "pip says the same as for a missing platform; uv says that there is no such project."
    ),
    ("torch==99.0", "3.12-slim-bookworm"): (
        "pip lists all releases that this Python can have, uv says that there is no such release."
    ),
}
