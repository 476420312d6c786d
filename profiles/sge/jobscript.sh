#!/bin/bash
# properties = {properties}
# What a job runs. Grid Engine tells all of its processes by SIGUSR1 that its time is nearly over (s_rt); Snakemake and
# danq do not know that signal, which would end them: they are told by SIGTERM, and danq writes a checkpoint.
trap '' USR1
# `trap :` lets this shell, which is told as well, wait for them
( trap : TERM; {exec_job} ) &
job=$!
trap 'trap "" TERM; kill -TERM 0' USR1
wait $job
status=$?
while kill -0 $job 2>/dev/null; do
    wait $job
    status=$?
done
exit $status
