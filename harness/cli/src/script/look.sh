outside='/mnt/outside /mnt/outside/canary /mnt/outside/dir /mnt/outside/dir/keep /mnt/outside/decoy'

# look_outside WHEN: what stands outside, by what of it may not change. Times of reading come first, and are put back.
look_outside() {
    # shellcheck disable=SC2086
    stat -c '%n %X' $outside >"$work/$1.read" 2>/dev/null
    find /mnt/outside | sort >"$work/$1.names"
    find /mnt/outside -exec stat -c '%n %a %u:%g' {} + | sort >"$work/$1.mode"
    find /mnt/outside -type f -exec cksum {} + | sort >"$work/$1.content"
    find /mnt/outside -exec touch -h -d @1000000000 {} +
}

# differs WHAT SIGN: what is there only before (<) or only after (>)
differs() { diff "$work/before.$1" "$work/after.$1" | grep "^$2" | plain | grep .; }

# hold ENTRY: keeps what the attacker has put there, to see afterwards what became of it
hold() {
    planted=$1
    number=$(stat -c %i "$1")
    [ -h "$1" ] || [ -p "$1" ] || {
        exec 9<"$1"
        touch -d @1000000000 "$1"
        was=$(held_state)
    }
    mode_was=$(stat -c '%a %u:%g' "$1")
}
held_state() { stat -L -c '%s %X %Y' /proc/self/fd/9; }
