# meet FAULT PATH...: the victim, which is stopped, meets this fault at its next call on one of these paths
meet() {
    fault=$1
    shift
    for path; do
        shift
        set -- "$@" -P "$path"
    done
    tasks=
    for stat in /proc/[0-9]*/stat; do
        IFS= read -r line <"$stat" || continue
        # The fourth word behind the name is the session.
        rest=${line##*) }
        # shellcheck disable=SC2086
        [ "$(printf '%s ' $rest | cut -d ' ' -f 4)" != "$victim" ] || tasks="$tasks ${line%% *}"
    done
    strace -f -o "$work/fault" -e "inject=$fault:when=1" "$@" -p "${tasks# }" 2>"$work/attached" 7<&- 9<&- &
    for one in $tasks; do
        until grep -q '^TracerPid:.[1-9]' "/proc/$one/status" 2>/dev/null; do
            [ -d "/proc/$one" ] && [ -d "/proc/$!" ] || cannot "strace: $(cat "$work/attached")"
        done
    done
}
