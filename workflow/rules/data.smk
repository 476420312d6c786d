rule genome:
    input:
        fasta=lambda wildcards: settings.genomes[wildcards.genome],
    output:
        codes="results/genomes/{genome}/codes.npy",
        contigs="results/genomes/{genome}/contigs.tsv",
        manifest="results/genomes/{genome}/genome.json",
    log:
        "results/logs/genome/{genome}.log",
    benchmark:
        "results/benchmarks/genome/{genome}.tsv"
    conda:
        "../envs/danq.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=60,
    params:
        code=verb_digest("genome"),
        out=subpath(output.manifest, parent=True),
    shell:
        "danq genome {input.fasta:q} --out {params.out} 2> {log}"


rule dataset:
    input:
        files=lambda wildcards: dataset_files(settings, wildcards.dataset),
        genome=genome_of,
    output:
        windows="results/datasets/{dataset}/windows.parquet",
        labels="results/datasets/{dataset}/labels.npy",
        manifest="results/datasets/{dataset}/dataset.json",
    log:
        "results/logs/dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/dataset/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(REGIONS),
    conda:
        "../envs/danq.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=120,
    params:
        code=verb_digest("dataset"),
        options=lambda wildcards: settings.datasets[wildcards.dataset].model_dump_json(),
        genome=lambda wildcards: f"results/genomes/{settings.genome_of(wildcards.dataset)}",
        out=subpath(output.manifest, parent=True),
        config=CONFIG,
    shell:
        "danq dataset --config {params.config} --name {wildcards.dataset} --genome {params.genome}"
        " --out {params.out} 2> {log}"


rule examples:
    input:
        files=lambda wildcards: dataset_files(settings, wildcards.dataset),
    output:
        examples="results/datasets/{dataset}/examples.parquet",
        codes="results/datasets/{dataset}/codes.npy",
        labels="results/datasets/{dataset}/labels.npy",
        manifest="results/datasets/{dataset}/dataset.json",
    log:
        "results/logs/dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/dataset/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(EXAMPLES),
    conda:
        "../envs/danq.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=120,
    params:
        code=verb_digest("dataset"),
        options=lambda wildcards: settings.datasets[wildcards.dataset].model_dump_json(),
        out=subpath(output.manifest, parent=True),
        config=CONFIG,
    shell:
        "danq dataset --config {params.config} --name {wildcards.dataset} --out {params.out} 2> {log}"


use rule examples as texts with:
    output:
        examples="results/datasets/{dataset}/examples.parquet",
        labels="results/datasets/{dataset}/labels.npy",
        manifest="results/datasets/{dataset}/dataset.json",
    wildcard_constraints:
        dataset=any_of(TEXTS),


use rule examples as images with:
    output:
        examples="results/datasets/{dataset}/examples.parquet",
        images="results/datasets/{dataset}/images.npy",
        labels="results/datasets/{dataset}/labels.npy",
        manifest="results/datasets/{dataset}/dataset.json",
    wildcard_constraints:
        dataset=any_of(IMAGES),
