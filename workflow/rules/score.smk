rule score_shard:
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
        callset=any_of(set(settings.callsets) - set(LINEAR_CALLSETS)),
    conda:
        "../envs/danq.yaml"
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
        "danq score --config {params.config} --callset {wildcards.callset} --threads {threads}"
        " --results {params.results} --reuse"
        " --shard {wildcards.shard}/{wildcards.shards} --work {params.work} --receipt {output} 2> {log}"


use rule score_shard as score_shard_on_cpu with:
    wildcard_constraints:
        callset=any_of(LINEAR_CALLSETS),


rule score:
    input:
        files=lambda wildcards: own(callset_files(settings, wildcards.callset)),
        models=models_of,
        genome=genome_of_callset,
        shards=shards_of,
    output:
        annotated="results/scores/{callset}/annotated.vcf.gz",
        scores="results/scores/{callset}/scores.parquet",
        ledger="results/scores/{callset}/ledger.tsv",
        manifest="results/scores/{callset}/scores.json",
    log:
        "results/logs/score/{callset}.log",
    benchmark:
        "results/benchmarks/score/{callset}.tsv"
    wildcard_constraints:
        callset=any_of(set(ANNOTATED) - set(WRITTEN_ON_CPU) - set(COMPARED)),
    conda:
        "../envs/danq.yaml"
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
        "danq score --config {params.config} --callset {wildcards.callset} --threads {threads}"
        " --results {params.results} --reuse --work {params.work} --out {params.out} 2> {log}"


# a table of alleles has no VCF that could be annotated
use rule score as score_table with:
    output:
        scores="results/scores/{callset}/scores.parquet",
        ledger="results/scores/{callset}/ledger.tsv",
        manifest="results/scores/{callset}/scores.json",
    wildcard_constraints:
        callset=any_of(set(TABLES) - set(WRITTEN_ON_CPU) - set(COMPARED)),


use rule score as score_on_cpu with:
    wildcard_constraints:
        callset=any_of(set(ANNOTATED) & set(WRITTEN_ON_CPU) - set(COMPARED)),


use rule score_table as score_table_on_cpu with:
    wildcard_constraints:
        callset=any_of(set(TABLES) & set(WRITTEN_ON_CPU) - set(COMPARED)),


# with what is known of the variants there are two files more
use rule score as score_and_compare with:
    output:
        annotated="results/scores/{callset}/annotated.vcf.gz",
        scores="results/scores/{callset}/scores.parquet",
        ledger="results/scores/{callset}/ledger.tsv",
        truth="results/scores/{callset}/truth.tsv",
        compared="results/scores/{callset}/truth.parquet",
        manifest="results/scores/{callset}/scores.json",
    wildcard_constraints:
        callset=any_of(set(ANNOTATED) & set(COMPARED) - set(WRITTEN_ON_CPU)),


use rule score as score_table_and_compare with:
    output:
        scores="results/scores/{callset}/scores.parquet",
        ledger="results/scores/{callset}/ledger.tsv",
        truth="results/scores/{callset}/truth.tsv",
        compared="results/scores/{callset}/truth.parquet",
        manifest="results/scores/{callset}/scores.json",
    wildcard_constraints:
        callset=any_of(set(TABLES) & set(COMPARED) - set(WRITTEN_ON_CPU)),


use rule score_and_compare as score_and_compare_on_cpu with:
    wildcard_constraints:
        callset=any_of(set(ANNOTATED) & set(COMPARED) & set(WRITTEN_ON_CPU)),


use rule score_table_and_compare as score_table_and_compare_on_cpu with:
    wildcard_constraints:
        callset=any_of(set(TABLES) & set(COMPARED) & set(WRITTEN_ON_CPU)),
