# apart, so that a profile gives GPUs to what uses one, and nodes to what several processes train together
for rule_name, (names, resources_of_rule) in TRAINING.items():

    rule:
        name:
            rule_name
        input:
            dataset=dataset_of,
            start=lambda wildcards: bundle_of(
                settings.runs[wildcards.run].train.init_from
            ),
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
            run=any_of(names),
        threads: SHARE
        resources:
            **needs(8000, 1440),
            **resources_of_rule,
        params:
            code=lambda wildcards: code_for("train", wildcards.run),
            contents=lambda wildcards: contents.digest(
                run_files(settings, wildcards.run)
            ),
            options=training_options,
            dataset=folder_of_dataset,
            search=search_option,
            launch=launch,
            out=subpath(output.bundle, parent=True),
            config=lambda wildcards: written_config(),
        shell:
            "{params.launch}danq train --config {params.config:q} --run {wildcards.run} --dataset {params.dataset:q}"
            " {params.search:q} --reuse --threads {threads} --out {params.out:q} 2> {log:q}"


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
        "danq train --config {params.config:q} --run {wildcards.run} --dataset {params.dataset:q}"
        " --threads {threads} --out {params.out:q} 2> {log:q}"


for rule_name, names in by_device("predict_shard", settings.runs, ON_CPU).items():

    rule:
        name:
            rule_name
        input:
            bundle=lambda wildcards: bundle_files(wildcards.run),
            dataset=dataset_of,
        output:
            # says that this part of the work is done; the work itself lies outside declared outputs
            temp(
                "results/runs/{run}/predictions/{split}.{shard}-of-{shards}.receipt.json"
            ),
        log:
            "results/logs/predict/{run}.{split}.{shard}-of-{shards}.log",
        benchmark:
            "results/benchmarks/predict/{run}.{split}.{shard}-of-{shards}.tsv"
        wildcard_constraints:
            run=any_of(names),
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
            "danq predict --model {params.model:q} --dataset {params.dataset:q} --split {wildcards.split}"
            " --threads {threads} {params.options:q}"
            " --shard {wildcards.shard}/{wildcards.shards} --work {params.work:q} --receipt {output:q} 2> {log:q}"


for rule_name, names in by_device("predict", settings.runs, PREDICTED_ON_CPU).items():

    rule:
        name:
            rule_name
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
            run=any_of(names),
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
            "danq predict --model {params.model:q} --dataset {params.dataset:q} --split {wildcards.split}"
            " --threads {threads} {params.options:q} --work {params.work:q} --out {output:q} 2> {log:q}"


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
        "danq evaluate --dataset {params.dataset:q} --threads {threads} --out {params.out:q}"
        " -- {input.valid:q} {input.test:q} 2> {log:q}"


# in words, for whoever is handed the model
rule model_card:
    input:
        bundle="results/runs/{run}/bundle.json",
        dataset=lambda wildcards: dataset_of(wildcards)[0],
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
        "danq export --format card --dataset {params.dataset:q}"
        " --out {output:q} -- {params.model:q} 2> {log:q}"
