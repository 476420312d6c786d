for rule_name, names in by_device(
    "score_shard", settings.callsets, LINEAR_CALLSETS
).items():

    rule:
        name:
            rule_name
        input:
            files=lambda wildcards: own(callset_files(settings, wildcards.callset)),
            models=models_of,
            genome=genome_of_callset,
        output:
            # says that this part of the work is done; the work itself lies outside declared outputs
            temp("results/scores/{callset}/{shard}-of-{shards}.receipt.json"),
        log:
            "results/logs/score/{callset}.{shard}-of-{shards}.log",
        benchmark:
            "results/benchmarks/score/{callset}.{shard}-of-{shards}.tsv"
        wildcard_constraints:
            callset=any_of(names),
        threads: 8
        resources:
            **needs(6000, 1440),
        params:
            code=lambda wildcards: code_for(
                "score", *settings.callsets[wildcards.callset].runs
            ),
            contents=lambda wildcards: contents.digest(
                callset_files(settings, wildcards.callset)
            ),
            options=scoring_options,
            config=lambda wildcards: written_config(),
            work=f"{RESULTS}/scores/{{callset}}/.work",
            results=lambda wildcards: RESULTS,
        shell:
            "danq score --config {params.config:q} --callset {wildcards.callset} --threads {threads}"
            " --results {params.results:q} --reuse"
            " --shard {wildcards.shard}/{wildcards.shards} --work {params.work:q} --receipt {output:q} 2> {log:q}"


# what a rule writes depends on what is asked of its callsets
for rule_name, callsets in scoring_rules(settings, WRITTEN_ON_CPU).items():

    rule:
        name:
            rule_name
        input:
            files=lambda wildcards: own(callset_files(settings, wildcards.callset)),
            models=models_of,
            genome=genome_of_callset,
            shards=shards_of,
        output:
            **{
                name: f"results/scores/{{callset}}/{file}"
                for name, file in scored_files(settings.callsets[callsets[0]]).items()
            },
        log:
            "results/logs/score/{callset}.log",
        benchmark:
            "results/benchmarks/score/{callset}.tsv"
        wildcard_constraints:
            callset=any_of(callsets),
        # where shards did the work only their parts are put together
        threads: lambda wildcards: 1 if settings.callsets[wildcards.callset].shards > 1 else 8
        resources:
            **needs(6000, 1440),
        params:
            code=lambda wildcards: code_for(
                "score", *settings.callsets[wildcards.callset].runs
            ),
            contents=lambda wildcards: contents.digest(
                callset_files(settings, wildcards.callset)
            ),
            options=scoring_options,
            config=lambda wildcards: written_config(),
            work=f"{RESULTS}/scores/{{callset}}/.work",
            results=lambda wildcards: RESULTS,
            out=subpath(output.manifest, parent=True),
        shell:
            "danq score --config {params.config:q} --callset {wildcards.callset} --threads {threads}"
            " --results {params.results:q} --reuse --work {params.work:q} --out {params.out:q} 2> {log:q}"
