# A cell on Alpine (musl): an image with Python, and two users who may write in different places.
# PYTHON: as 3.12. BASE_IMAGE: any image with a Python on its PATH.
ARG PYTHON=3.12
ARG BASE_IMAGE=python:${PYTHON}-alpine
FROM ${BASE_IMAGE}
USER root
# 10001 installs; 10002 executes what was installed. A new volume takes over the store's owner.
RUN mkdir -p /cell /envcheck/in /envcheck/store \
 && chown 10001:10001 /envcheck/store \
 && echo 'installer:x:10001:10001::/envcheck/store:/bin/sh' >>/etc/passwd \
 && echo 'package:x:10002:10002::/cell:/bin/sh' >>/etc/passwd
# Bytecode of the standard library's common modules, which small images come without: as in any
# ordinary installation, importing them is no part of what importing a package takes.
ARG MODULES="\
    argparse ast asyncio base64 bz2 calendar concurrent.futures configparser contextlib copy \
    csv ctypes.util dataclasses datetime decimal difflib email.message email.parser \
    fractions getpass glob gzip hashlib hmac html.parser http.client http.server \
    importlib.metadata importlib.resources inspect ipaddress json locale logging.config lzma \
    mimetypes multiprocessing.pool numbers optparse pathlib pickle pkgutil platform pprint \
    queue random secrets shlex shutil socket ssl statistics string subprocess sysconfig \
    tarfile tempfile textwrap timeit tokenize tomllib traceback typing unittest.mock \
    urllib.request uuid venv weakref xml.etree.ElementTree zipfile zoneinfo"
RUN echo "${MODULES}" | python3 -c "exec('import sys\nfor name in sys.stdin.read().split():\n try: __import__(name)\n except ImportError: pass')"
