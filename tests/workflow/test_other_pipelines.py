"""danq inside pipelines of others: a Snakemake wrapper, Nextflow modules and Galaxy tools."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from danq.processes import this_process
from tests.verbs import Ended, call

pytestmark = pytest.mark.slow
