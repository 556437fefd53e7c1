# A cell on Debian (glibc) as in slim.Dockerfile, with what Debian needs to compile C and C++.
# Proxies are the predefined build arguments http_proxy, https_proxy, no_proxy: they are kept in no
# layer. ca-bundle.pem: further authorities, for the mirror; usually empty.
ARG PYTHON=3.12
ARG BASE_IMAGE=python:${PYTHON}-slim
FROM ${BASE_IMAGE}
USER root
COPY ca-bundle.pem /tmp/
RUN set -e; \
    cat /etc/ssl/certs/ca-certificates.crt /tmp/ca-bundle.pem >/tmp/ca.pem 2>/dev/null || true; \
    if [ -s /tmp/ca.pem ]; then ca='-o Acquire::https::CAInfo=/tmp/ca.pem'; fi; \
    apt-get $ca -q update; \
    DEBIAN_FRONTEND=noninteractive apt-get $ca -qy install --no-install-recommends \
        gcc g++ libc6-dev make pkg-config; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /tmp/*.pem
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
