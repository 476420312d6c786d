"""Jobs that Slurm would never start are found before the first is submitted."""

from danq.config.partitions import jobs_that_would_wait, parse_partitions

SHOWN = """\
PartitionName=cpu AllowGroups=ALL Default=YES QoS=N/A MaxTime=01:00:00 MinNodes=0 TRES=cpu=2,mem=24105M
PartitionName=gpu AllowGroups=ALL Default=NO MaxTime=2-12:00:00 State=UP
PartitionName=long Default=NO MaxTime=UNLIMITED
"""


def test_limits_are_read_in_minutes_with_the_default_partition():
    assert parse_partitions(SHOWN) == {"cpu": 60, "": 60, "gpu": 3600, "long": None}


def test_all_jobs_that_would_wait_are_named_once_with_the_option_that_helps():
    limits = parse_partitions(SHOWN)
    jobs = [
        ("train", {"runtime": 3601, "slurm_partition": "gpu"}),
        ("train", {"runtime": 3601, "slurm_partition": "gpu"}),
        ("evaluate", {"runtime": 61}),
        ("genome", {"runtime": 60, "slurm_partition": "cpu"}),
        ("report", {"runtime": 9999, "slurm_partition": "long"}),
        ("score", {"runtime": 999, "slurm_partition": "cpu,gpu"}),
        ("view", {"slurm_partition": "cpu"}),
    ]
    assert jobs_that_would_wait(jobs, limits) == (
        "more minutes than the partition gives, for which jobs would wait for ever: evaluate 61 of at most "
        "60, train 3601 of at most 3600; `runtime: 60` under the profile's `default-resources` helps, or "
        "under `set-resources` for one rule (a training goes on in another job)"
    )


def test_a_partition_that_is_none_is_named_with_those_there_are():
    jobs = [("train", {"runtime": 5, "slurm_partition": "a100"}), ("trial", {"slurm_partition": "a100"})]
    assert jobs_that_would_wait(jobs, parse_partitions(SHOWN)) == (
        "partition a100 of train, trial: expected one of cpu, gpu, long"
    )


def test_nothing_is_said_where_all_would_start():
    assert jobs_that_would_wait([("train", {"runtime": 5})], parse_partitions(SHOWN)) == ""


def test_nothing_is_said_of_what_is_not_known():
    job = ("train", {"runtime": 9999, "slurm_partition": "a100"})
    assert jobs_that_would_wait([job], {}) == "", "Slurm did not answer"
    for key in ("clusters", "slurm_cluster"):
        assert jobs_that_would_wait([("train", job[1] | {key: "other"})], parse_partitions(SHOWN)) == ""
