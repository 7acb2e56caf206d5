set -u
say() { printf '%s\n' "$*"; }
plain() { LC_ALL=C tr -c '[:print:]\n' '?'; }
cannot() { say "cannot run: $*" | plain >&2; exit 2; }

# Everything happens in namespaces that go with this script: /mnt is a new file system in memory, the temporary directories
# are a directory of it, all else is read-only, and what still runs at the end is ended.
namespace=$(readlink /proc/self/ns/mnt) || cannot "there is no /proc"
if [ "${LINKBAIT_OUTSIDE:-$namespace}" = "$namespace" ]; then
    as_root=
    [ "$(id -u)" = 0 ] || as_root=--map-root-user
    unshare ${as_root:+"$as_root"} --mount --pid --fork --kill-child --mount-proc true ||
        cannot "no namespaces: be root, or let users make them (sysctl user.max_user_namespaces); unshare is of util-linux"
    LINKBAIT_OUTSIDE=$namespace exec \
        unshare ${as_root:+"$as_root"} --mount --pid --fork --kill-child --mount-proc sh "$0" "$@"
fi
[ $$ = 1 ] || cannot "LINKBAIT_OUTSIDE is set; unset it"
unset LINKBAIT_OUTSIDE
trap 'exit 2' HUP INT TERM
case $PWD/ in /tmp/* | /var/tmp/* | /dev/shm/* | /mnt/*) home=/mnt/private ;; *) home=$PWD ;; esac

# The next process after `echo >&6` is the 101st, as where the fault was found: some names have their number in them.
mount --bind /proc/sys/kernel /mnt && exec 6>/mnt/ns_last_pid && umount -l /mnt || cannot "process ids cannot be set"
while read -r _ point _ options _; do
    flags=remount,bind,ro
    for flag in nosuid nodev noexec noatime relatime nodiratime; do
        case ,$options, in *",$flag,"*) flags=$flags,$flag ;; esac
    done
    mount -o "$flags" "$(printf %b "$(say "$point" | sed 's/\\/\\0/g')")" || cannot "$point stays writable"
done </proc/self/mounts
mount -t tmpfs -o mode=711,strictatime tmpfs /mnt || cannot "no tmpfs at /mnt"
work=/mnt/.work
mkdir -m 700 "$work" /mnt/private
mkdir -m 755 /mnt/outside /mnt/outside/dir /mnt/outside/decoy /mnt/shared
for directory in /tmp /var/tmp /dev/shm; do
    [ ! -d "$directory" ] || mount --bind /mnt/shared "$directory" || cannot "nothing can be mounted at $directory"
done
cd "$home" || cannot "cd $home"

# The attacker is a user of its own where that is possible.
attacker() { (umask 0 && "$@") || cannot "the attacker cannot do this: $*"; }
if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
    attacker() {
        (umask 0 && setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@") || cannot "the attacker cannot do this: $*"
    }
    chgrp 65534 /mnt/shared
    # Where links and files of others are guarded in directories of groups too, the directory is the attacker's.
    for guard in fifos regular; do
        [ "$(cat /proc/sys/fs/protected_$guard 2>/dev/null)" != 2 ] || chown 65534 /mnt/shared
    done
    mode=1775
else
    say "note: there is one user here, who plays the attacker too"
    mode=1777
fi
