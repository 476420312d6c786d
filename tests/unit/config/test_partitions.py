"""Jobs that Slurm would never start are found before the first is submitted."""

from danq.config.partitions import Partition, jobs_that_would_wait, parse_partitions

SHOWN = """\
PartitionName=cpu AllowGroups=ALL Default=YES QoS=N/A MaxTime=01:00:00 MinNodes=0 TRES=cpu=2,mem=24105M
PartitionName=gpu Default=NO MaxTime=2-12:00:00 MaxNodes=UNLIMITED State=UP TotalCPUs=16 TotalNodes=2
PartitionName=long Default=NO MaxTime=UNLIMITED MaxNodes=1 TotalNodes=0 TotalCPUs=0
"""


def test_limits_are_read_in_minutes_with_the_default_partition():
    cpu = Partition(60, None, None)
    others = {"gpu": Partition(3600, 2, 16), "long": Partition(None, 1, None)}
    assert parse_partitions(SHOWN) == {"cpu": cpu, "": cpu, **others}


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


def test_jobs_larger_than_their_partition_are_named():
    jobs = [
        ("train_on_nodes", {"slurm_partition": "gpu", "nodes": 3, "tasks": 3, "_cores": 8}),
        ("train", {"slurm_partition": "gpu", "nodes": None, "_cores": 16}),
        ("score", {"slurm_partition": "gpu", "_cores": 17}),
        ("trial", {"slurm_partition": "gpu,long", "_cores": 99, "cpus_per_task": 1}),
    ]
    assert jobs_that_would_wait(jobs, parse_partitions(SHOWN)) == (
        "more than the partition has, for which jobs would wait for ever: score 17 cores of 16, "
        "train_on_nodes 24 cores of 16, train_on_nodes 3 nodes of 2; see `set-threads` of the profile, and "
        "`train.workers`"
    )


def test_nothing_is_said_where_all_would_start():
    assert jobs_that_would_wait([("train", {"runtime": 5})], parse_partitions(SHOWN)) == ""


def test_nothing_is_said_of_what_is_not_known():
    job = ("train", {"runtime": 9999, "slurm_partition": "a100"})
    assert jobs_that_would_wait([job], {}) == "", "Slurm did not answer"
    for key in ("clusters", "slurm_cluster"):
        assert jobs_that_would_wait([("train", job[1] | {key: "other"})], parse_partitions(SHOWN)) == ""
