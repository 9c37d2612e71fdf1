# Sourced by up.sh and down.sh: the local cluster's nodes and whether they run.
NODES="1 2 3"
ENDPOINTS="http://127.0.0.1:4101,http://127.0.0.1:4102,http://127.0.0.1:4103"

pid_of() { cat "data/node$1.pid" 2> /dev/null; }

# The process id in the file is this node's only while a conclave process has it.
running() {
    local pid
    pid="$(pid_of "$1")" && [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = conclave ]
}
