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
