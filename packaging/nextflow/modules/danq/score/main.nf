// Written by packaging/generate.py out of danq's command line; do not edit.
// Options for `ext.args`, as `danq score --help` has them:
//   --strands scores|predictions|forward  How the two strands are combined. scores: scored strand by strand, then averaged (DeepSEA); predictions: probabilities averaged, then scored; forward: the forward strand alone. [default: scores]
//   --ref-mismatch skip|error|swap  An allele whose REF is not what the genome holds. skip: not scored, with the reason; error: refused; swap: scored and flagged where the genome holds its ALT instead. [default: skip]
//   --region text  Score only alleles in these contigs or regions `chr7:1,000-2,000` (1-based, inclusive); may be repeated.
//   --pass-only  Score only records whose FILTER is PASS or `.`.
//   --target text  Targets written; all of the model's where empty; may be repeated.
//   --annotate text  Targets whose logit difference is also written to the annotated VCF; may be repeated.
//   --truth text  INFO key (VCF) or column (TSV) with a label 0/1 or a measured effect of each allele, which the scores are compared with.
//   --truth-group text  With truth: INFO key (VCF) or column (TSV) by whose values the alleles are compared group by group as well.
//   --sample text  Score the alleles on these samples' own phased haplotypes; `all`: every sample; may be repeated.
//   --unphased skip|alone|refuse  With samples: an unphased heterozygous genotype of one. skip: not scored, with the reason; alone: it is scored on the reference haplotype without its neighbours, and flagged; refuse: an error. [default: skip]
//   --strict  Refuse a file with malformed lines or, with samples, with genotypes of theirs that cannot be used, instead of leaving these out with the reason.
//   --long  Tidy table: one row an allele and target.
//   --format parquet|tsv  Format of the table, and its suffix.
//   --info-prefix text  Begin of the INFO keys of the annotated VCF. [default: danq_]
//   --batch-size integer  Windows of a forward pass; chosen for the machine where left out.
process DANQ_SCORE {
    tag "$meta.id"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"

    input:
    tuple val(meta), path(vcf)
    tuple val(meta2), path(model, stageAs: "?/*")
    tuple val(meta3), path(genome)
    path aliases

    output:
    tuple val(meta), path("${prefix}/scores.{parquet,tsv}"), emit: scores
    tuple val(meta), path("${prefix}/ledger.tsv"), emit: ledger
    tuple val(meta), path("${prefix}/annotated.vcf.gz"), optional: true, emit: annotated
    tuple val(meta), path("${prefix}/annotated.vcf.gz.{tbi,csi}"), optional: true, emit: index
    tuple val(meta), path("${prefix}/haplotypes.{parquet,tsv}"), optional: true, emit: haplotypes
    tuple val(meta), path("${prefix}/truth.tsv"), optional: true, emit: agreement
    tuple val(meta), path("${prefix}/truth.parquet"), optional: true, emit: compared
    tuple val(meta), path("${prefix}/scores.json"), emit: manifest
    tuple val("${task.process}"), val('danq'), eval("danq --version | sed 's/^danq //'"), topic: versions, emit: versions_danq

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def models = [model].flatten().collect { file -> "--model ${file}" }.join(' ')
    def inputs = "--genome ${genome} --vcf ${vcf}"
    def names = aliases ? "--aliases ${aliases}" : ''
    """
    danq score \\
        ${models} \\
        ${inputs} \\
        ${names} \\
        --threads ${task.cpus} \\
        --out ${prefix} \\
        ${args}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir ${prefix}
    touch ${prefix}/scores.parquet
    touch ${prefix}/ledger.tsv
    touch ${prefix}/scores.json
    echo | gzip > ${prefix}/annotated.vcf.gz
    touch ${prefix}/annotated.vcf.gz.tbi
    """
}
