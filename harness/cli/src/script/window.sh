command -v strace >/dev/null || cannot "there is no strace; install the package strace"

# The path that a line of strace is about, below the directories of this script as they are called above.
path_in() {
    say "$1" | sed -E '
        s/^[0-9]+ +[a-z0-9_]+\(//; t next
        :next
        s/^[^<",]*<[^>]*>, "(\/(\\.|[^"\\])*)".*/\1/; t tidy
        s/^[^<",]*<([^>]*)>, "((\\.|[^"\\])*)".*/\1\/\2/; t tidy
        s/^"((\\.|[^"\\])*)".*/\1/; t tidy
        s/^[^<]*<([^>]*)>.*/\1/
        :tidy
        s,/\./,/,g; s,//+,/,g; s,/$,,
        s,^(/tmp|/var/tmp|/dev/shm|/mnt/shared)(/|$),shared\2,
        s,^/mnt/,,'
}

# stops CALLS DO COMMAND...: starts the victim; after each of these calls it is stopped, and DO is asked whether to go on.
# True when it was not to.
stops() {
    calls=$1 do=$2 stopped=
    shift 2
    mkfifo "$work/trace"
    start strace -D -f -y -o "$work/trace" -e "trace=$calls" -e "inject=$calls:signal=SIGSTOP" -- "$@"
    exec 7<"$work/trace"
    while IFS= read -r line <&7; do
        task=${line%% *}
        case $task in '' | *[!0-9]*) continue ;; esac
        case $line in
            *'--- stopped by SIGSTOP ---')
                eval "line=\${call_$task-}"
                if "$do" "$line"; then kill -CONT "$task"; else stopped=$task && break; fi
                ;;
            *' resumed>'*) ;;
            *'('*) eval "call_$task=\$line" ;;
        esac
    done
    [ -n "$stopped" ] || return 1
    # Without the tracer it stays stopped.
    kill -KILL "$(sed -n 's/^TracerPid:[^0-9]*//p' "/proc/$stopped/status")"
    while IFS= read -r line <&7; do :; done
    exec 7<&-
    until grep -q '^State:.T' "/proc/$stopped/status"; do :; done
}

# The victim was to be stopped after a call that `wanted` knows, when it came for this time.
not_yet() {
    wanted "$(path_in "$1")" || return 0
    left=$((left - 1))
    [ $left -gt 0 ]
}
