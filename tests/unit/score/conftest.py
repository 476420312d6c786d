"""Files of variants that several tests of scoring share, and what an undisturbed run makes of one."""

import pytest
from toy_models import write_vcf
from toy_scoring import GENOME, N_RECORDS, N_SMALL, TABLES, job_of, records, score


@pytest.fixture(scope="package")
def vcf(tmp_path_factory):
    return write_vcf(tmp_path_factory.mktemp("vcf") / "v.vcf", records(N_RECORDS), GENOME)


@pytest.fixture(scope="package")
def small(tmp_path_factory):
    return write_vcf(tmp_path_factory.mktemp("small") / "v.vcf", records(N_SMALL), GENOME)


@pytest.fixture(scope="package")
def expected(vcf, tmp_path_factory):
    """Result of one undisturbed run."""
    out = tmp_path_factory.mktemp("expected")
    score(job_of(vcf), out)
    return {name: (out / name).read_bytes() for name in TABLES}
