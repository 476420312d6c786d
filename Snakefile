include: "workflow/Snakefile"


# rules of an included file are no default target
rule default:
    default_target: True
    input:
        rules.all.input,
