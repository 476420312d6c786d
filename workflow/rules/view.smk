for rule_name, names in by_device("view", settings.runs, ON_CPU).items():

    rule:
        name:
            rule_name
        input:
            bundle=lambda wildcards: bundle_files(wildcards.run),
            genomes=genomes_of_views,
            tracks=lambda wildcards: own(
                dataset_files(settings.runs[wildcards.run].dataset)
            ),
            scores=scores_viewed,
        output:
            predictions="results/views/{run}/predictions.npz",
            peaks="results/views/{run}/peaks.parquet",
            manifest="results/views/{run}/views.json",
        log:
            "results/logs/view/{run}.log",
        benchmark:
            "results/benchmarks/view/{run}.tsv"
        wildcard_constraints:
            run=any_of(names),
        threads: SHARE
        resources:
            **needs(6000, 120),
        params:
            code=lambda wildcards: code_for("view", wildcards.run),
            contents=lambda wildcards: contents.digest(
                dataset_files(settings.runs[wildcards.run].dataset)
            ),
            options=lambda wildcards: viewing_options(settings, wildcards.run),
            out=subpath(output.manifest, parent=True),
            results=lambda wildcards: RESULTS,
            config=lambda wildcards: written_config(),
        shell:
            "danq view --config {params.config:q} --run {wildcards.run} --results {params.results:q} --out {params.out:q}"
            " --threads {threads} 2> {log:q}"
