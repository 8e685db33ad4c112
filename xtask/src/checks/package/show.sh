# Inside of a fresh Debian, as root, while its systemd runs: what the package does, from its installation to its purge. What
# goes wrong ends it, so that the last line is missing.
set -eu
exec > /show/log 2>&1
trap 'systemctl poweroff' EXIT

shown() { echo "── $*"; }
apt() { DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@"; }
as_muster() { runuser -u muster -- "$@"; }
# A command that must end with this code.
ends() {
    code=$1; shift
    said=0; "$@" || said=$?
    [ "$said" = "$code" ] || { echo "\`$*\` ended with $said, not with $code"; journalctl -u muster --no-pager -n 40; exit 1; }
}
running() {
    n=0
    until systemctl -q is-active muster; do
        n=$((n + 1))
        [ $n -lt 120 ] || { systemctl status muster --no-pager; journalctl -u muster --no-pager -n 40; exit 1; }
        sleep 0.5
    done
}

shown "it installs, with nothing else of this fresh Debian"
apt install /show/first.deb
[ "$(stat -c '%U:%G %a' /var/lib/muster)" = "muster:muster 700" ]
[ "$(stat -c '%U %a' /etc/muster/key-passphrase)" = "muster 600" ]
[ "$(wc -c < /etc/muster/key-passphrase)" -gt 30 ]
passphrase=$(sha256sum /etc/muster/key-passphrase)

shown "its service runs, and has said so to systemd"
running
systemctl show muster -p Type -p SubState -p StatusText -p User
systemctl -q is-enabled muster
journalctl -u muster --no-pager -g '/set-up/' | tail -n 1 | grep -q 'https://localhost:8443/set-up/'
[ "$(stat -c '%U' "/proc/$(systemctl show -P MainPID muster)")" = muster ]

shown "how exposed it is"
systemd-analyze security --no-pager --threshold=30 muster.service | tail -n 1

shown "its settings"
ends 0 as_muster muster config check

shown "who looks without a backup is told; afterwards all is well"
ends 1 as_muster muster doctor
ends 0 as_muster muster backup /var/lib/muster/first.backup
ends 0 as_muster muster doctor
ends 1 muster doctor

shown "an upgrade keeps the data and restarts the service"
ends 0 as_muster muster user add ada@b.example --role admin
before=$(systemctl show -P MainPID muster)
apt install /show/second.deb
running
[ "$(systemctl show -P MainPID muster)" != "$before" ]
[ "$(dpkg-query -W -f '${Version}' muster)" = 0.2.0-2 ]
ends 3 as_muster muster user add ada@b.example --role admin
[ "$(sha256sum /etc/muster/key-passphrase)" = "$passphrase" ]
ends 0 as_muster muster audit verify

shown "wrong settings stop it, and say where they are wrong"
cp /etc/muster/muster.toml /show/muster.toml
echo 'consol = "[::]:1"' >> /etc/muster/muster.toml
ends 1 systemctl restart muster
journalctl -u muster --no-pager -g 'did you mean console' | tail -n 1 | grep 'muster.toml:'
cp /show/muster.toml /etc/muster/muster.toml
systemctl reset-failed muster
systemctl restart muster
running

shown "the example's ports below 1024 need its capability"
mkdir -p /etc/systemd/system/muster.service.d
cp /usr/share/doc/muster/examples/ports-below-1024.conf /etc/systemd/system/muster.service.d/ports.conf
echo 'console = "127.0.0.1:443"' >> /etc/muster/muster.toml
systemctl daemon-reload
systemctl restart muster
running
ends 0 as_muster muster doctor
rm -r /etc/systemd/system/muster.service.d
cp /show/muster.toml /etc/muster/muster.toml
systemctl daemon-reload

shown "it stops in order"
systemctl stop muster
[ "$(systemctl show -P Result muster)" = success ]

shown "a removal keeps data and settings"
apt remove muster
[ -f /var/lib/muster/muster.db ] && [ -f /etc/muster/muster.toml ] && [ -f /etc/muster/key-passphrase ]
[ ! -e /usr/bin/muster ]

shown "a purge takes the settings, and keeps data and passphrase"
apt purge muster
[ -f /var/lib/muster/muster.db ] && [ -f /etc/muster/key-passphrase ] && [ ! -e /etc/muster/muster.toml ]
id muster

shown "installed again, it goes on with them"
apt install /show/second.deb
running
ends 3 as_muster muster user add ada@b.example --role admin

shown "a purge after the data was removed leaves nothing"
systemctl stop muster
rm -r /var/lib/muster
apt purge muster
[ ! -e /etc/muster ] && ! getent passwd muster
[ -z "$(find / -xdev -user muster 2> /dev/null)" ] || true

echo "all of it was shown"
