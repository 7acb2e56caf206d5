shown=0
shows() { say "shows: $*" | plain; shown=1; }

# start [TRACER...] COMMAND...: starts the victim, and ends it after a while
start() {
    echo 100 >&6
    (
        umask "$mask"
        surround
        # What a shell starts in the background ignores these signals otherwise.
        exec setsid env --default-signal=INT,QUIT "$@" <"$input" 6>&- 7<&- 9<&-
    ) &
    victim=$!
    exec 6>&-
    (sleep "$limit" && : >"$work/hung" && kill -s KILL -- "-$victim") 7<&- 9<&- &
}

# Waits for the victim's end.
finish() {
    wait "$victim"
    status=$?
    say "the victim ended with status $status"
}

# The window never came, or the fault was never met.
missed() {
    [ "$swapped" -gt 0 ] || cannot "the victim $1, which it did when the fault was found"
    say "does not show: this command $1"
    exit 0
}
