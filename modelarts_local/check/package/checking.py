"""All that is checked of a model package, one finding for each place that the platform would refuse."""

from __future__ import annotations

import sys
from typing import Mapping, NamedTuple

from ...engines import LOCAL, find_engine
from ...handler_process import LOAD_LIMIT_S
from ...package.model_package import SERVICE_FILE, SYMBOL_ENDING, ModelPackage
from ...platform_rules import GIB, REQUEST_LIMIT_S
from ..findings import ERROR, Finding
from ..report import ERA_OF_IMAGES, ERA_OF_MXNET
from .api import check_api
from .config import Config, check_config, read_config
from .dependencies import check_dependencies
from .deployment import Deployment, check_deployment, check_shapes, shape_in_preprocessing
from .files import PackageFiles
from .image import check_image
from .import_form import check_names
from .labels import shape_in_labels
from .language import check_python
from .layers import check_layers
from .layout import check_image_layout, check_layout, check_level
from .service import check_service
from .source import read_sources
from .trial import Limits, try_package

# The memory of the platform's smallest machine for services, CPU 2 vCPU 8 GiB (contract 4.5)
MEMORY_LIMIT_BYTES = 8 * GIB


class PackageSettings(NamedTuple):
    """How a package is checked.

    engine_name: what it is tried on, as engines.find_engine takes it. run: False executes nothing of the package.
    model_name, model_version, description: what one will type into the import form; None is not checked.
    environ: holds the deployment's three variables where they are set.
    load_limit_s, answer_limit_s: seconds that the handler may take to load and to answer one picture.
    memory_limit_bytes: address space of its process.
    """

    engine_name: str = LOCAL
    run: bool = True
    model_name: str | None = None
    model_version: str | None = None
    description: str | None = None
    environ: Mapping[str, str] = {}
    load_limit_s: float = LOAD_LIMIT_S
    answer_limit_s: float = REQUEST_LIMIT_S
    memory_limit_bytes: int = MEMORY_LIMIT_BYTES


def check_package(parent: str, shown: str, settings: PackageSettings) -> list[Finding]:
    """Return what is amiss with the package under `parent`, in the order: files, config, code, form, trial.

    parent: local folder. shown: what findings call it, such as the URL that it was fetched from.

    A package whose config.json is that of a custom image is one file for today's platform, and of it nothing is run.
    Any other is tried only where what the trial needs has no error. Nothing in a package makes this raise; it
    raises CommandLineError for an engine that does not exist.
    """
    names = list(check_names(settings.model_name, settings.model_version, settings.description))
    deployment, of_deployment = check_deployment(settings.environ)
    wrong_level = check_level(parent, shown)
    if wrong_level:
        return [*wrong_level, *names, *of_deployment]
    files = PackageFiles(parent, shown)
    config = read_config(files)
    if isinstance(config, Config) and config.is_of_image:
        return [*check_image_layout(files), *check_config(config, parent), *check_image(config), *names]
    layout = [*check_layout(files), *check_layers(files)]
    if isinstance(config, Finding):
        layout.append(config)
        config = None
    of_config = (
        [*check_config(config, parent), *check_api(config), *check_dependencies(config, files)] if config else []
    )
    code = _check_code(files, config)
    tried: list[Finding] = []
    if settings.run and not any(finding.severity == ERROR for finding in (*layout, *code)):
        tried = _try(files, config, deployment, settings)
    else:
        of_deployment += check_shapes(deployment, shape_in_preprocessing(files), shape_in_labels(files))
    return [*layout, *of_config, *_not_told_twice(code, tried), *names, *of_deployment, *tried]


def era_of_package(parent: str) -> str | None:
    """Return the year of the platform that a package is made for, one of report.ERAS; None without a config.json."""
    config = read_config(PackageFiles(parent, parent))
    if not isinstance(config, Config):
        return None
    return ERA_OF_IMAGES if config.is_of_image else ERA_OF_MXNET


def _check_code(files: PackageFiles, config: Config | None) -> list[Finding]:
    sources, unparsed = read_sources(files)
    runtime = config.runtime if config else None
    return [*check_service(sources, config, files), *check_python(sources, unparsed, runtime, files)]


def _try(
    files: PackageFiles, config: Config | None, deployment: Deployment, settings: PackageSettings
) -> list[Finding]:
    # this Python needs no search, and the trial itself says where its MXNet is missing
    python = sys.executable if settings.engine_name == LOCAL else find_engine(settings.engine_name).python
    limits = Limits(python, settings.load_limit_s, settings.answer_limit_s, settings.memory_limit_bytes)
    return try_package(_package_of(files), files, config, deployment, limits)


def _package_of(files: PackageFiles) -> ModelPackage:
    symbol = next(name for name in files.top_files() if name.endswith(SYMBOL_ENDING))
    return ModelPackage(files.model_dir, symbol[: -len(SYMBOL_ENDING)])


def _not_told_twice(code: list[Finding], tried: list[Finding]) -> list[Finding]:
    """Leave out of `code` an import whose failing ended the trial."""
    ends = [finding.found for finding in tried if finding.rule == "S2" and finding.path.endswith(SERVICE_FILE)]
    return [
        finding
        for finding in code
        if not (finding.rule == "S7" and any(f"No module named '{finding.found.split()[-1]}" in end for end in ends))
    ]
