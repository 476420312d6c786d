#!/usr/bin/env bash
# Starts a Slurm of one node for the tests: as root, on Debian's packages slurmctld, slurmd, slurm-client,
# munge and slurm-wlm-basic-plugins. Needs no systemd and no accounting database; with control groups (version 1)
# jobs are held to their memory.
# Partitions: cpu (default) and gpu, whose two "GPUs" are device files that every machine has; jobs of urgent preempt
# theirs, which go back into the queue.
# Stop it with: kill $(cat /run/slurmctld.pid /run/slurmd.pid)
set -euo pipefail

if sinfo --noheader >/dev/null 2>&1; then
    echo "Slurm is running already"
    exit 0
fi

node=$(hostname -s)
memory=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)

# jobs and daemons trust each other by a shared key
mkdir -p /run/munge /etc/slurm /var/lib/slurm/controller /var/lib/slurm/node /var/log/slurm
chown munge:munge /run/munge
if [ ! -s /etc/munge/munge.key ]; then
    dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
fi
chown munge:munge /etc/munge/munge.key
chmod 0400 /etc/munge/munge.key
pgrep -x munged >/dev/null || setpriv --reuid munge --regid munge --clear-groups munged

# jobs are held to their memory where this machine lets us make control groups
confine=task/none
if mkdir /sys/fs/cgroup/memory/danq_tests 2>/dev/null; then
    rmdir /sys/fs/cgroup/memory/danq_tests
    confine=task/cgroup
    printf '%s\n' CgroupPlugin=cgroup/v1 CgroupMountpoint=/sys/fs/cgroup ConstrainRAMSpace=yes \
        >/etc/slurm/cgroup.conf
fi

# MinJobAge keeps finished jobs visible to squeue, which without a database is all that knows of them
cat >/etc/slurm/slurm.conf <<CONFIG
ClusterName=danq
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=/var/lib/slurm/controller
SlurmdSpoolDir=/var/lib/slurm/node
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=$confine
JobAcctGatherType=jobacct_gather/linux
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,batch_sched_delay=0
MailProg=/bin/true
MpiDefault=none
ReturnToService=2
MinJobAge=900
KillWait=30
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory Gres=gpu:2 State=UNKNOWN
PartitionName=cpu Nodes=$node Default=YES MaxTime=60 GraceTime=60 State=UP
PartitionName=gpu Nodes=$node MaxTime=60 State=UP
PartitionName=urgent Nodes=$node MaxTime=60 PriorityTier=10 State=UP
CONFIG
printf 'NodeName=%s Name=gpu File=%s\n' "$node" /dev/null "$node" /dev/zero >/etc/slurm/gres.conf

slurmctld
slurmd

for _ in $(seq 150); do
    if [ "$(sinfo --noheader --format=%T 2>/dev/null | sort -u)" = idle ]; then
        sinfo
        exit 0
    fi
    sleep 0.2
done
echo "Slurm did not start; see /var/log/slurm" >&2
sinfo --Node --long >&2 || true
exit 1
