#!/bin/sh
# Put Python, MXNet, the service's packages and the platform's user into an image. Run by root in Debian 12.
#
# $PIP_INDEX_URL, where it is set, is where pip looks for the packages; it is not kept.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=/opt/caltech/venv

# MXNet 1.9.1 imports distutils, and its libraries load the other two
kept="python3 python3-distutils libgomp1 libquadmath0"
# gone at the end, with what came along
for_the_installation="python3-venv python3.11-venv python3-pip-whl python3-setuptools-whl ca-certificates openssl"

export DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1
apt-get update -qq
# shellcheck disable=SC2086  # several words on purpose
apt-get install -qq -y --no-install-recommends $kept $for_the_installation

# jobs run as uid 1000, ma-user (contract 1.10), in the group with gid 100, which is `users` in Debian
useradd --uid 1000 --gid 100 --create-home --home-dir /home/ma-user --shell /bin/bash ma-user

# packages.txt names all that is installed, so that nothing else comes along; check says if it lacks something
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --no-cache-dir --no-deps --requirement "$here/packages.txt"
"$venv/bin/python" -m pip check
"$venv/bin/python" -m pip uninstall --quiet --yes pip setuptools

# shellcheck disable=SC2086
apt-get purge -qq -y --auto-remove $for_the_installation
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log /var/log/alternatives.log
