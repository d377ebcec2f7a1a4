# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the scripts of this folder share: real docker commands, each with what it must say. A script is run by bash
# against whatever engine DOCKER_HOST names (or the machine's own); the image "busybox" is there, TERMINAL names the
# program `terminal`, and the working directory is the script's to fill. Every failed check is a line; the script's
# status tells whether there was one.
set -u
failures=0 checks=0
# The engine's cgroups, statistics and limits: absent where tests run without systemd.
# shellcheck disable=SC2034 # the scripts read it
docker info --format '{{.CgroupDriver}}' | grep -q systemd && cgroups=yes || cgroups=no

wrong() {
    local text=$1 depth=1
    # The line of the script itself, not one of this file.
    while [ "${BASH_SOURCE[depth]}" = "${BASH_SOURCE[0]}" ]; do depth=$((depth + 1)); done
    printf '%s:%s: %s\n' "${BASH_SOURCE[depth]##*/}" "${BASH_LINENO[depth - 1]}" "$text"
    failures=$((failures + 1))
}

# says WANTED COMMAND...: it succeeds, and its output is exactly that.
says() {
    local wanted=$1 output status
    shift
    checks=$((checks + 1))
    output=$("$@" 2>errors </dev/null) && status=0 || status=$?
    if [ "$status" != 0 ]; then
        wrong "'$*' ends with status $status: $(cat errors)"
    elif [ "$output" != "$wanted" ]; then
        wrong "'$*' says '$output', not '$wanted'"
    fi
}

# Runs a command that has to succeed. What it says is in the caller's `output`.
succeeds() {
    local status
    checks=$((checks + 1))
    output=$("$@" 2>&1 </dev/null) && return
    status=$?
    wrong "'$*' ends with status $status: $output"
    return "$status"
}

# matches PATTERN COMMAND...: it succeeds, and the extended regular expression is found in its output.
matches() {
    local pattern=$1 output
    shift
    succeeds "$@" || return
    [[ $output =~ $pattern ]] || wrong "'$*' says '$output', which does not match '$pattern'"
}

# lacks PATTERN COMMAND...: it succeeds, and the regular expression is not found.
lacks() {
    local pattern=$1 output
    shift
    succeeds "$@" || return
    ! [[ $output =~ $pattern ]] || wrong "'$*' says '$output', which matches '$pattern'"
}

# fails STATUS PATTERN COMMAND...: it ends with that status and says something that matches.
fails() {
    local wanted=$1 pattern=$2 output status
    shift 2
    checks=$((checks + 1))
    output=$("$@" 2>&1 </dev/null) && status=0 || status=$?
    if [ "$status" != "$wanted" ]; then
        wrong "'$*' ends with status $status, not $wanted: $output"
    elif ! [[ $output =~ $pattern ]]; then
        wrong "'$*' says '$output', which does not match '$pattern'"
    fi
}

# becomes WANTED COMMAND...: its output is that, now or soon.
becomes() {
    local wanted=$1 output='' try
    shift
    checks=$((checks + 1))
    for ((try = 0; try < 150; try++)); do
        output=$("$@" 2>&1 </dev/null) && [ "$output" = "$wanted" ] && return
        sleep 0.2
    done
    wrong "'$*' still says '$output', not '$wanted'"
}

# same WANTED ACTUAL: two texts are equal.
same() {
    checks=$((checks + 1))
    [ "$1" = "$2" ] || wrong "'$2' is not '$1'"
}

# quietly COMMAND...: it succeeds; what it says does not matter.
quietly() {
    local output
    succeeds "$@"
}

# A pipeline or a redirection as one command.
shell() { bash -c "$1"; }

# Containers of these scripts have no network, unless they say one: that has its own tests.
run() {
    case " $* " in
    *" --net"*) docker run "$@" ;;
    *) docker run --network none "$@" ;;
    esac
}
background() { quietly run -d "$@"; }
get() { docker inspect --format "$1" "$2"; }
# Writes the file of a container's cgroup.
cgroup_file() {
    cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(get '{{.State.Pid}}' "$1")/cgroup")/$2"
}
clear_all() {
    docker ps -aq --no-trunc | xargs -r docker rm -fv >/dev/null 2>&1
    docker volume ls -q | xargs -r docker volume rm >/dev/null 2>&1
    docker network prune -f >/dev/null 2>&1
    return 0
}

finish() {
    clear_all
    says '' docker ps -aq
    says '' docker volume ls -q
    says $'bridge\nhost\nnone' shell 'docker network ls --format "{{.Name}}" | sort'
    printf '%s checks, %s failed\n' "$checks" "$failures"
    [ "$failures" = 0 ] && [ "$checks" -gt 2 ]
    exit
}

clear_all
