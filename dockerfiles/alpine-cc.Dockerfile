# A cell on Alpine (musl) as in alpine.Dockerfile, with what Alpine needs to compile C and C++.
# Proxies are the predefined build arguments http_proxy, https_proxy, no_proxy: they are kept in no
# layer. ca-bundle.pem: further authorities, for the mirror; usually empty.
ARG PYTHON=3.12
ARG BASE_IMAGE=python:${PYTHON}-alpine
FROM ${BASE_IMAGE}
USER root
COPY ca-bundle.pem /tmp/
RUN set -e; \
    cat /etc/ssl/certs/ca-certificates.crt /tmp/ca-bundle.pem >/tmp/ca.pem 2>/dev/null || true; \
    if [ -s /tmp/ca.pem ]; then export SSL_CA_CERT_FILE=/tmp/ca.pem; fi; \
    apk add --no-cache build-base linux-headers pkgconf; \
    rm -f /tmp/*.pem
RUN mkdir -p /cell /envcheck/in /envcheck/store \
 && chown 10001:10001 /envcheck/store \
 && echo 'installer:x:10001:10001::/envcheck/store:/bin/sh' >>/etc/passwd \
 && echo 'package:x:10002:10002::/cell:/bin/sh' >>/etc/passwd
