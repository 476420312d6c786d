#!/bin/bash
# What became of a job of Grid Engine, by its number: running, success or failed.
# while nobody answers, the job is as it was: a second one beside it would do no good
if ! jobs=$(qstat 2>/dev/null); then
    echo running
    exit
fi
state=$(awk -v job="$1" '$1 == job {print $5}' <<<"$jobs")
case "$state" in
    "") ;;
    *E*) # could not be started, and waits for ever
        qdel "$1" >/dev/null 2>&1
        echo failed
        exit
        ;;
    *)
        echo running
        exit
        ;;
esac
# accounting may lag behind
for seconds in 0 1 2 4 8 16 30; do
    sleep $seconds
    if account=$(qacct -j "$1" 2>/dev/null); then
        if grep -Eq '^failed +0 *$' <<<"$account" && grep -Eq '^exit_status +0 *$' <<<"$account"; then
            echo success
        else
            echo failed
        fi
        exit
    fi
done
echo failed
