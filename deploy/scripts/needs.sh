#!/usr/bin/env bash
# Installs what the machine lacks by apt, as root or with sudo; otherwise names the packages and
# stops: needs.sh build|test|etcd
#
# `etcd` also brings real etcds to compare with (deploy/scripts/etcd.sh), and clients (deploy/scripts/etcd_clients.sh).
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/scripts/env.sh

if ! command -v cargo > /dev/null; then
    echo "Rust is missing: install it from https://rustup.rs (any toolchain from 1.95 on), then run this again." >&2
    exit 1
fi

has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] || compgen -G '/usr/lib/llvm-*/lib/libclang[-.][0-9s]*' > /dev/null
}
required=() wanted=()
command -v gcc > /dev/null || required+=(gcc)
command -v g++ > /dev/null || required+=(g++)
[ -e /usr/include/stdlib.h ] || required+=(libc6-dev)
has_libclang || required+=(libclang-dev)
if [ "${1:-build}" != build ]; then
    python3 -c 'import venv, ensurepip' 2> /dev/null || required+=(python3-venv)
fi
if [ "${1:-build}" = test ]; then
    command -v promtool > /dev/null || wanted+=(prometheus)
fi
# ccache only saves time when RocksDB is compiled again.
command -v ccache > /dev/null || wanted+=(ccache)

finish() {
    if [ "${1:-build}" = etcd ]; then deploy/scripts/etcd.sh install && deploy/scripts/etcd_clients.sh || exit 1; fi
    exit 0
}
if [ ${#required[@]} -eq 0 ] && [ ${#wanted[@]} -eq 0 ]; then finish "$@"; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
may_install() {
    command -v apt-get > /dev/null || return 1
    [ "$(id -u)" -eq 0 ] && return 0
    command -v sudo > /dev/null || return 1
    sudo -n true 2> /dev/null || { [ ${#required[@]} -gt 0 ] && [ -t 0 ]; }
}
if may_install; then
    echo "installing: ${required[*]} ${wanted[*]}"
    # An old package list is renewed only when it does not lead to the packages.
    install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends
        "${required[@]}" "${wanted[@]}")
    "${install[@]}" > /dev/null 2>&1 || { "${as_root[@]}" apt-get update -q && "${install[@]}"; }
elif [ ${#required[@]} -gt 0 ]; then
    echo "These packages are missing and cannot be installed from here; install them and run this again:" >&2
    echo "    apt-get install ${required[*]}" >&2
    exit 1
fi
finish "$@"
