DATASETS = sorted({run.dataset for run in settings.runs.values()})
VIEWING = viewing_runs(settings)
# results that the report itself does not read, but for those of runs
OTHER_RESULTS = [
    *(path for name in DATASETS for path in dataset_results(name)),
    # asked for whether they are there or not: nobody reads them, and an old card would stay
    *expand("results/runs/{run}/MODEL_CARD.md", run=settings.runs),
    *(
        f"results/scores/{name}/{file}"
        for name, callset in settings.callsets.items()
        for file in scored_files(callset).values()
    ),
]


rule report:
    input:
        data=[
            path
            for name in DATASETS
            for path in dataset_results(name)
            if path.endswith(".json")
        ],
        runs=expand(
            "results/runs/{run}/{file}",
            run=settings.runs,
            file=["bundle.json", "history.tsv", *EVALUATION],
        ),
        searches=expand(
            "results/searches/{search}/{file}",
            search=SEARCHES,
            file=["trials.tsv", "best.json"],
        ),
        scores=expand(
            "results/scores/{callset}/{file}",
            callset=settings.callsets,
            file=["scores.parquet", "ledger.tsv", "scores.json"],
        ),
        views=expand(
            "results/views/{run}/{file}",
            run=VIEWING,
            file=["predictions.npz", "peaks.parquet", "views.json"],
        ),
    output:
        report("results/report.html", caption="../report/report.rst", category="Report"),
    log:
        "results/logs/report.log",
    threads: 1
    resources:
        **needs(4000, 30),
    params:
        code=lambda wildcards: code_for("report"),
        results=subpath(output[0], parent=True),
        # runs and callsets that the configuration no longer names stay in the results, not in the report
        runs=" ".join(f"--run {name}" for name in settings.runs),
        callsets=" ".join(f"--callset {name}" for name in settings.callsets),
        views=" ".join(f"--views {name}" for name in VIEWING),
    shell:
        "danq report --results {params.results:q} {params.runs} {params.callsets} {params.views} --out {output:q} 2> {log:q}"
