# Sourced by every build step, so that all of them share one target directory and one compiler
# cache: RocksDB is compiled once, whatever is built from wherever.
command -v cargo > /dev/null || export PATH="$HOME/.cargo/bin:$PATH"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/conclave/target}"
if command -v ccache > /dev/null; then
    export CC="${CC:-ccache gcc}" CXX="${CXX:-ccache g++}" CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-2G}"
fi
