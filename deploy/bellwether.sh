#!/bin/sh
# A command of the daemon's own kind: as its user, with its settings and its secrets. Run as root;
# installed as /usr/local/sbin/bellwether.
#
#   sudo bellwether check
#   sudo bellwether @second status      the same of the instance bellwether@second
set -eu

unit=bellwether
case ${1:-} in
@*)
    unit=bellwether$1
    shift
    ;;
esac
set -- /opt/bellwether/bin/bellwether "$@"
for file in "/etc/bellwether/$unit"/*; do
    if [ -f "$file" ]; then
        set -- --property="LoadCredential=${file##*/}:$file" "$@"
    fi
done
# Somebody at a terminal may be asked something; a script's pipes are its own.
if [ -t 0 ] && [ -t 1 ]; then how=--pty; else how=--pipe; fi
exec systemd-run --quiet --collect --wait "$how" --uid=bellwether --gid=bellwether \
    --property=StateDirectory="$unit" --property=StateDirectoryMode=0700 \
    --working-directory="/var/lib/$unit" --setenv=BELLWETHER_CONFIG="/etc/bellwether/$unit.toml" "$@"
