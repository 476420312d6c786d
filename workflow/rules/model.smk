rule train:
    input:
        dataset=dataset_of,
        start=lambda wildcards: bundle_of(settings.runs[wildcards.run].train.init_from),
        files=lambda wildcards: own(run_files(settings, wildcards.run)),
        best=best_trial,
    output:
        model="results/runs/{run}/model.keras",
        network="results/runs/{run}/network.json",
        weights="results/runs/{run}/weights.safetensors",
        bundle="results/runs/{run}/bundle.json",
        history="results/runs/{run}/history.tsv",
        golden="results/runs/{run}/golden.npz",
    log:
        "results/logs/train/{run}.log",
    benchmark:
        "results/benchmarks/train/{run}.tsv"
    wildcard_constraints:
        run=any_of(set(settings.runs) - set(ENSEMBLES) - set(ON_CPU) - set(ON_NODES)),
    threads: SHARE
    resources:
        **needs(8000, 1440),
        gpu=lambda wildcards: int(settings.runs[wildcards.run].train.require_gpu),
        launch="",
    params:
        code=lambda wildcards: code_for("train", wildcards.run),
        contents=lambda wildcards: contents.digest(run_files(settings, wildcards.run)),
        options=training_options,
        dataset=folder_of_dataset,
        search=lambda wildcards: (
            f" --search {RESULTS}/searches/{search_name(wildcards.run)}"
            if settings.runs[wildcards.run].search
            else ""
        ),
        out=subpath(output.bundle, parent=True),
        config=lambda wildcards: written_config(),
    shell:
        "{resources.launch}danq train --config {params.config} --run {wildcards.run} --dataset {params.dataset}"
        "{params.search} --reuse --threads {threads} --out {params.out} 2> {log}"


# apart, so that a profile gives GPUs to what uses one
use rule train as train_on_cpu with:
    wildcard_constraints:
        run=any_of(set(ON_CPU) - set(ENSEMBLES)),
    resources:
        **needs(8000, 1440),
        launch="",


# with one process on each of several nodes: `mpi` has Slurm's plugin leave starting them to the job itself
use rule train as train_on_nodes with:
    wildcard_constraints:
        run=any_of(ON_NODES),
    resources:
        **needs(8000, 1440),
        mpi="srun",
        tasks=workers,
        nodes=workers,
        # of each node; by themselves GPUs would decide how many tasks there are
        gres=lambda wildcards: (
            "gpu:1" if settings.runs[wildcards.run].train.require_gpu else ""
        ),
        tasks_per_gpu=0,
        launch=lambda wildcards, threads: (
            f"srun --ntasks={workers(wildcards)} --cpus-per-task={threads} --kill-on-bad-exit=1 "
        ),


# the mean of runs: `danq train` finds them beside it
rule ensemble:
    input:
        dataset=dataset_of,
        members=bundles_of_members,
    output:
        members=directory("results/runs/{run}/members"),
        bundle="results/runs/{run}/bundle.json",
        history="results/runs/{run}/history.tsv",
        golden="results/runs/{run}/golden.npz",
    log:
        "results/logs/train/{run}.log",
    benchmark:
        "results/benchmarks/train/{run}.tsv"
    wildcard_constraints:
        run=any_of(ENSEMBLES),
    threads: SHARE
    resources:
        **needs(6000, 240),
    params:
        code=lambda wildcards: code_for("train", wildcards.run),
        options=training_options,
        dataset=folder_of_dataset,
        out=subpath(output.bundle, parent=True),
        config=lambda wildcards: written_config(),
    shell:
        "danq train --config {params.config} --run {wildcards.run} --dataset {params.dataset}"
        " --threads {threads} --out {params.out} 2> {log}"


rule predict_shard:
    input:
        bundle=lambda wildcards: bundle_files(wildcards.run),
        dataset=dataset_of,
    output:
        # says that this part of the work is done; the work itself lies outside declared outputs
        temp("results/runs/{run}/predictions/{split}.{shard}-of-{shards}.receipt.json"),
    log:
        "results/logs/predict/{run}.{split}.{shard}-of-{shards}.log",
    benchmark:
        "results/benchmarks/predict/{run}.{split}.{shard}-of-{shards}.tsv"
    wildcard_constraints:
        run=any_of(set(settings.runs) - set(ON_CPU)),
    threads: SHARE
    resources:
        **needs(6000, 240),
    params:
        code=lambda wildcards: code_for("predict", wildcards.run),
        dataset=folder_of_dataset,
        model=f"{RESULTS}/runs/{{run}}",
        options=prediction_options,
        work=f"{RESULTS}/runs/{{run}}/predictions/.work-{{split}}",
    shell:
        "danq predict --model {params.model} --dataset {params.dataset} --split {wildcards.split}"
        " --threads {threads} {params.options:q}"
        " --shard {wildcards.shard}/{wildcards.shards} --work {params.work} --receipt {output} 2> {log}"


use rule predict_shard as predict_shard_on_cpu with:
    wildcard_constraints:
        run=any_of(ON_CPU),


rule predict:
    input:
        bundle=lambda wildcards: bundle_files(wildcards.run),
        dataset=dataset_of,
        shards=shards_of_prediction,
    output:
        "results/runs/{run}/predictions/{split}.npz",
    log:
        "results/logs/predict/{run}.{split}.log",
    benchmark:
        "results/benchmarks/predict/{run}.{split}.tsv"
    wildcard_constraints:
        run=any_of(set(settings.runs) - set(PREDICTED_ON_CPU)),
    threads: SHARE
    resources:
        **needs(6000, 240),
    params:
        code=lambda wildcards: code_for("predict", wildcards.run),
        dataset=folder_of_dataset,
        model=f"{RESULTS}/runs/{{run}}",
        options=prediction_options,
        work=f"{RESULTS}/runs/{{run}}/predictions/.work-{{split}}",
    shell:
        "danq predict --model {params.model} --dataset {params.dataset} --split {wildcards.split}"
        " --threads {threads} {params.options:q} --work {params.work} --out {output} 2> {log}"


use rule predict as predict_on_cpu with:
    wildcard_constraints:
        run=any_of(PREDICTED_ON_CPU),


rule evaluate:
    input:
        valid="results/runs/{run}/predictions/valid.npz",
        test="results/runs/{run}/predictions/test.npz",
        dataset=dataset_of,
    output:
        metrics=report(
            "results/runs/{run}/evaluation/metrics.tsv",
            caption="../report/metrics.rst",
            category="Metrics",
            labels={"run": "{run}"},
        ),
        summary="results/runs/{run}/evaluation/summary.json",
        curves="results/runs/{run}/evaluation/curves.parquet",
        calibration="results/runs/{run}/evaluation/calibration.tsv",
        resamples="results/runs/{run}/evaluation/resamples.parquet",
        pairs="results/runs/{run}/evaluation/pairs.tsv",
    log:
        "results/logs/evaluate/{run}.log",
    benchmark:
        "results/benchmarks/evaluate/{run}.tsv"
    threads: min(2, SHARE)
    resources:
        **needs(8000, 120),
    params:
        code=lambda wildcards: code_for("evaluate"),
        dataset=folder_of_dataset,
        out=subpath(output.summary, parent=True),
    shell:
        "danq evaluate --dataset {params.dataset} --threads {threads} --out {params.out}"
        " -- {input.valid} {input.test} 2> {log}"


# in words, for whoever is handed the model
rule model_card:
    input:
        bundle=lambda wildcards: bundle_files(wildcards.run),
        dataset=dataset_of,
        metrics="results/runs/{run}/evaluation/metrics.tsv",
        summary="results/runs/{run}/evaluation/summary.json",
        calibration="results/runs/{run}/evaluation/calibration.tsv",
        pairs="results/runs/{run}/evaluation/pairs.tsv",
    output:
        report(
            "results/runs/{run}/MODEL_CARD.md",
            caption="../report/model_card.rst",
            category="Model cards",
            labels={"run": "{run}"},
        ),
    log:
        "results/logs/model_card/{run}.log",
    threads: 1
    resources:
        **needs(2000, 10),
    params:
        code=lambda wildcards: code_for("export"),
        model=lambda wildcards: f"{RESULTS}/runs/{wildcards.run}",
        dataset=folder_of_dataset,
    shell:
        "danq export --format card --dataset {params.dataset}"
        " --out {output} -- {params.model} 2> {log}"
