# a trial is trained as a run is, and validated, but it never meets the test split: what is chosen by many trials would
# be too good there as well
rule trial:
    input:
        before=trial_before,
        dataset=lambda wildcards: dataset_results(SEARCHES[wildcards.search].dataset),
        start=lambda wildcards: bundle_of(SEARCHES[wildcards.search].train.init_from),
        files=lambda wildcards: own(trial_files(TRIALS[trial_of(wildcards)])),
    output:
        "results/searches/{search}/rung{rung}/trial{trial}/trial.json",
    log:
        "results/logs/trial/{search}.rung{rung}.trial{trial}.log",
    benchmark:
        "results/benchmarks/trial/{search}.rung{rung}.trial{trial}.tsv"
    threads: SHARE
    resources:
        **needs(8000, 1440),
        gpu=lambda wildcards: int(SEARCHES[wildcards.search].train.require_gpu),
    params:
        code=lambda wildcards: code_for("trial", wildcards.search),
        contents=lambda wildcards: contents.digest(
            trial_files(TRIALS[trial_of(wildcards)])
        ),
        options=lambda wildcards: TRIALS[trial_of(wildcards)].run.model_dump_json(
            exclude={"predict", "search", "shards"}
        ),
        until=lambda wildcards: TRIALS[trial_of(wildcards)].ends[
            int(wildcards.rung) - 1
        ],
        name=trial_of,
        dataset=lambda wildcards: f"{RESULTS}/datasets/{SEARCHES[wildcards.search].dataset}",
        out=subpath(output[0], parent=True),
        # outside declared outputs, which Snakemake deletes before a job runs again
        work=f"{RESULTS}/searches/{{search}}/.work/trial{{trial}}",
        runs=lambda wildcards: f"{RESULTS}/runs",
        config=lambda wildcards: written_config(),
    shell:
        "danq trial --config {params.config:q} --name {params.name} --rung {wildcards.rung} --dataset {params.dataset:q}"
        " --out {params.out:q} --work {params.work:q} --runs {params.runs:q} --threads {threads} 2> {log:q}"


# checkpoints: only the trials that go on are jobs of the next rung, and a best trial that stays the best is not
# trained again
checkpoint rung:
    input:
        lambda wildcards: trials_in(wildcards.search, int(wildcards.rung)),
    output:
        "results/searches/{search}/rung{rung}.tsv",
    log:
        "results/logs/search/{search}.rung{rung}.log",
    benchmark:
        "results/benchmarks/search/{search}.rung{rung}.tsv"
    threads: 1
    resources:
        **needs(1000, 10),
    params:
        code=lambda wildcards: code_for("search"),
        out=subpath(output[0], parent=True),
        config=lambda wildcards: written_config(),
    shell:
        "danq search --config {params.config:q} --name {wildcards.search} --rung {wildcards.rung} --out {params.out:q}"
        " 2> {log:q}"


checkpoint search:
    input:
        trials_of_all_rungs,
    output:
        best="results/searches/{search}/best.json",
        trials="results/searches/{search}/trials.tsv",
    log:
        "results/logs/search/{search}.log",
    benchmark:
        "results/benchmarks/search/{search}.tsv"
    threads: 1
    resources:
        **needs(1000, 10),
    params:
        code=lambda wildcards: code_for("search"),
        space=lambda wildcards: SEARCHES[wildcards.search].search.space,
        out=subpath(output.best, parent=True),
        config=lambda wildcards: written_config(),
    shell:
        "danq search --config {params.config:q} --name {wildcards.search} --out {params.out:q} 2> {log:q}"
