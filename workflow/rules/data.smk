rule genome_shard:
    input:
        fasta=lambda wildcards: own(fasta_path(wildcards)),
    output:
        # says that this part of the work is done; the work itself lies outside declared outputs
        temp("results/genomes/{genome}/{shard}-of-{shards}.receipt.json"),
    log:
        "results/logs/genome/{genome}.{shard}-of-{shards}.log",
    benchmark:
        "results/benchmarks/genome/{genome}.{shard}-of-{shards}.tsv"
    threads: 1
    resources:
        **needs(2000, 60),
    params:
        code=lambda wildcards: code_for("genome"),
        contents=lambda wildcards: contents.digest(fasta_path(wildcards)),
        fasta=fasta_path,
        work=f"{RESULTS}/genomes/{{genome}}/.work",
    shell:
        "danq genome --shard {wildcards.shard}/{wildcards.shards} --work {params.work:q} --receipt {output:q}"
        " -- {params.fasta:q} 2> {log:q}"


rule genome:
    input:
        fasta=lambda wildcards: own(fasta_path(wildcards)),
        shards=shards_of_genome,
    output:
        codes="results/genomes/{genome}/codes.npy",
        contigs="results/genomes/{genome}/contigs.tsv",
        letters="results/genomes/{genome}/iupac.npy",
        manifest="results/genomes/{genome}/genome.json",
    log:
        "results/logs/genome/{genome}.log",
    benchmark:
        "results/benchmarks/genome/{genome}.tsv"
    threads: 1
    resources:
        **needs(2000, 60),
    params:
        code=lambda wildcards: code_for("genome"),
        contents=lambda wildcards: contents.digest(fasta_path(wildcards)),
        fasta=fasta_path,
        work=f"{RESULTS}/genomes/{{genome}}/.work",
        out=subpath(output.manifest, parent=True),
    shell:
        "danq genome --out {params.out:q} --work {params.work:q} -- {params.fasta:q} 2> {log:q}"


# the same job whatever the rows are, but Snakemake wants to know the names of its files
for made_by, rows in ROWS.items():

    rule:
        name:
            made_by
        input:
            files=lambda wildcards: own(dataset_files(wildcards.dataset)),
            genome=lambda wildcards: genome_files(settings.genome_of(wildcards.dataset)),
        output:
            rows=[f"results/datasets/{{dataset}}/{file}" for file in rows],
            labels="results/datasets/{dataset}/labels.npy",
            manifest="results/datasets/{dataset}/dataset.json",
        log:
            "results/logs/dataset/{dataset}.log",
        benchmark:
            "results/benchmarks/dataset/{dataset}.tsv"
        wildcard_constraints:
            dataset=any_of(name for name in settings.datasets if maker(name) == made_by),
        threads: 2
        resources:
            **needs(8000, 120),
        params:
            code=lambda wildcards: code_for("dataset"),
            contents=lambda wildcards: contents.digest(dataset_files(wildcards.dataset)),
            options=lambda wildcards: settings.datasets[
                wildcards.dataset
            ].model_dump_json(exclude={"composition"}),
            out=subpath(output.manifest, parent=True),
            config=lambda wildcards: written_config(),
            genome=genome_option,
        shell:
            "danq dataset --config {params.config:q} --name {wildcards.dataset} --out {params.out:q} {params.genome:q}"
            " 2> {log:q}"
