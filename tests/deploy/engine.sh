# What a Docker engine does with a Dockerfile, done by debootstrap, overlays and systemd-nspawn, in a
# process that may mount: PLACE CONTEXT STEPS. STEPS is a file of what test_docker.py read there.
set -e
place=$1 context=$2

# The base: a Debian with its own Python in the place of python:3.11-slim's.
mount -t tmpfs tmpfs "$place"
debootstrap --variant=minbase bookworm "$place/base" http://deb.debian.org/debian \
    > "$place/debootstrap" 2>&1 || { tail "$place/debootstrap"; exit 1; }
container=(systemd-nspawn --quiet --register=no --keep-unit --console=pipe)
root=$place/base
python='apt-get update && apt-get install -y --no-install-recommends python3.11-venv'
"${container[@]}" --directory="$root" /bin/sh -c "$python" \
    > "$place/python" 2>&1 || { tail "$place/python"; exit 1; }
ln -s /usr/bin/python3.11 "$root/usr/local/bin/python"
begin() {
    mkdir -p "$place/$1/up" "$place/$1/work" "$place/$1/root"
    root=$place/$1/root
    mount -t overlay overlay \
        -o "lowerdir=$place/base,upperdir=$place/$1/up,workdir=$place/$1/work" "$root"
}
run() {
    local folder=$1 user=$2 step=${@: -1}
    shift 2
    "${container[@]}" --directory="$root" --chdir="$folder" --user="$user" \
        "${pip[@]}" "${@:1:$#-1}" /bin/sh -c "$step"
}
copy() {
    local from=$context target=$root$2
    [ -z "$1" ] || from=$place/$1/root
    shift 2
    [ $# = 1 ] || mkdir -p "$target"
    for source in "$@"; do
        if [ -d "$from/$source" ]; then mkdir -p "$target"; source=$source/.; fi
        cp -a --no-preserve=ownership "$from/$source" "$target"
    done
}

# shellcheck source=/dev/null
. "$3"

# The last image as a container, restricted as compose.yaml says, looked at from inside, and ended.
mkdir -p "$place/volume" "$place/secrets"
cp "$context/adapters/$prices" "$place/volume"
chown -R "$user:$user" "$place/volume"
printf '%s' "$settings" > "$place/bot.toml"
# An engine makes the places of its mounts by itself.
mkdir -p "$root/run/secrets"
touch "$root/etc/bellwether/bot.toml"
"${container[@]}" --directory="$root" --read-only --tmpfs=/tmp --private-network \
    --drop-capability=all --no-new-privileges=yes --bind="$place/volume:$volume" \
    --bind-ro="$place/bot.toml:/etc/bellwether/bot.toml" --bind-ro="$place/secrets:/run/secrets" \
    --user="$user" --chdir="$folder" --kill-signal="$stop" "${environment[@]/#/--setenv=}" \
    --setenv=NOTIFY_SOCKET= "${command[@]}" > "$place/said" 2>&1 &
engine=$!
for _ in $(seq 300); do grep -q 'started, version' "$place/said" && break; sleep 0.2; done
first=$(pgrep --parent "$engine" --exact tini)
inside() {
    nsenter --target "$first" --mount --pid --uts --ipc --net --root --wd \
        --setuid "$user" --setgid "$user" env --ignore-environment "${environment[@]}" "$@"
}
cat "$place/said"
grep -E '^(Uid|CapBnd|NoNewPrivs):' "/proc/$first/status"
inside cat /proc/1/comm
inside touch /x /etc/x /opt/bellwether/x || true
inside touch "$volume/x" && echo 'the volume may be written'
inside sh -c 'command -v cc gcc g++ make' || echo 'no compiler'
inside bellwether status
inside "${health[@]}" && echo health=0 || echo health=$?
kill -TERM "$engine"
wait "$engine" && echo exit=0 || echo exit=$?
