// Written by packaging/generate.py out of danq's command line; do not edit.
// Options for `ext.args`, as `danq predict --help` has them:
//   --centre midpoint|summit  What of a region of --bed lies at the centre of its window; summits are those of a narrowPeak. [default: midpoint]
//   --region text  Region of --genome, `chr7:1,001-2,000` (1-based), every bin of it; may be repeated.
//   --stride integer  With --tile and --region: predict bins that start at multiples of so many bp and are centred in a region; tracks have so many bp around each centre. [default: bins side by side]
//   --tile  Cover each record of --fasta or --bed, or all of --genome, with bins of the model's size.
//   --reverse-complement mean|none  mean: average both strands. [default: as the run was configured]
//   --batch-size integer  Rows of a forward pass. [default: as the run was configured]
//   --target text  Write this target only; may be repeated. [default: all]
//   --engine keras|onnx  keras: TensorFlow, or NumPy where the model needs no more. onnx: ONNX Runtime on CPUs, without TensorFlow; needs the extra danq[onnx].
process DANQ_PREDICT {
    tag "$meta.id"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"

    input:
    tuple val(meta), path(rows)
    tuple val(meta2), path(model)
    tuple val(meta3), path(genome)
    path aliases

    output:
    tuple val(meta), path("${prefix}.tsv"), emit: predictions
    tuple val("${task.process}"), val('danq'), eval("danq --version | sed 's/^danq //'"), topic: versions, emit: versions_danq

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def models = "--model ${model}"
    // regions of a genome, or sequences that stand for themselves
    def inputs = genome ? "--bed ${rows} --genome ${genome}" : "--fasta ${rows}"
    def names = aliases ? "--aliases ${aliases}" : ''
    """
    danq predict \\
        ${models} \\
        ${inputs} \\
        ${names} \\
        --threads ${task.cpus} \\
        --out ${prefix}.tsv \\
        ${args}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    touch ${prefix}.tsv
    """
}
