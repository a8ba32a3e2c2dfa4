"""Weights of the diffusion models on this computer: finding, downloading and checking them. No torch.

Downloads go through huggingface_hub into its cache, or a cache folder of the user's choice: what other programs have
fetched is found. Where a model is, is kept in models.json in Dollygrip's folder. Loading never touches the network.
"""

import contextlib
import errno
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from dollygrip.errors import DollygripError, InputError
from dollygrip.state_folder import private_dir, state_dir, write_private
from dollygrip_backend.video.pipeline_folder import INDEX, check_folder, components
from dollygrip_backend.video.specs import ModelSpec

_SUFFIXES = ("json", "safetensors", "txt", "model")  # nothing that could hold pickled code
_SPARE = 1 << 30  # bytes of a disk that a download leaves free
_AT_ONCE = 2  # files: what is not complete when a download fails is lost, and a file has up to 5 GB


@attrs.frozen
class Source:
    """Where a model comes from: a repository at a commit in a cache of the hub's kind, or a folder of the user's own.

    No cache is the hub's default one; no commit is whatever was last fetched into it.
    """

    repo: str
    commit: str | None = None
    cache: str | None = None
    folder: str | None = None


@attrs.frozen
class Plan:
    """What a download would fetch: from where, the licence as the hub's card states it, and sizes in bytes."""

    source: Source
    licence: str
    total_bytes: int
    missing_bytes: int
    patterns: tuple[str, ...]

    @property
    def cache(self) -> Path:
        """The cache folder it would go to."""
        from huggingface_hub import constants

        return Path(self.source.cache or constants.HF_HUB_CACHE)


def source_of(spec: ModelSpec) -> Source:
    """What the user chose for this model, else its own repository in the hub's default cache."""
    return Source(**_settings().get(spec.name, {"repo": spec.repo}))


def locate(spec: ModelSpec) -> Path | None:
    """The folder that holds the model's index, or None. Only looks at this computer."""
    from huggingface_hub import try_to_load_from_cache

    source = source_of(spec)
    if source.folder:
        return Path(source.folder)
    index = try_to_load_from_cache(source.repo, INDEX, revision=source.commit, cache_dir=source.cache)
    return Path(index).parent if isinstance(index, str) else None


def missing_reason(spec: ModelSpec) -> str:
    """Why the model cannot be loaded, with the command that helps; empty where its weights are complete."""
    try:
        folder = locate(spec)
        if folder is None:
            return (
                f"its weights (about {spec.download_bytes / 1e9:.0f} GB, licence {spec.licence}) are not on this "
                f"computer; run `dollygrip models download {spec.name}`"
            )
        check_folder(folder, spec)
    except DollygripError as error:
        return f"{error.message.rstrip('.')}; {error.hint[:1].lower()}{error.hint[1:].rstrip('.')}"
    return ""


def plan_download(spec: ModelSpec, repo: str | None = None, cache: Path | None = None) -> Plan:
    """Ask the hub what a download would fetch: only the pipeline's own parts, only safetensors, tokenizers, settings.

    Raises DollygripError (download) where the hub cannot be asked, and (weights) for a repository of another pipeline.
    """
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download
    from huggingface_hub.utils import disable_progress_bars, enable_progress_bars

    source = Source(repo or spec.repo, cache=str(cache.expanduser().resolve()) if cache else None)
    with _hub(source):
        info = HfApi().model_info(source.repo)
        source = attrs.evolve(source, commit=info.sha)
        place = {"repo_id": source.repo, "revision": info.sha, "cache_dir": source.cache}
        index = json.loads(Path(hf_hub_download(filename=INDEX, **place)).read_text())
        if index.get("_class_name") != spec.pipeline:
            message = f"The repository {source.repo} holds a {index.get('_class_name')}, not a {spec.pipeline}."
            raise DollygripError(message, f"The engine's own is {spec.repo}.", "weights")
        patterns = (INDEX, *(f"{part}/*.{suffix}" for part in components(index) for suffix in _SUFFIXES))
        disable_progress_bars()  # only a listing
        try:
            files = snapshot_download(allow_patterns=list(patterns), dry_run=True, **place)
        finally:
            enable_progress_bars()
    licence = (info.card_data or {}).get("license") or "not stated"
    missing = sum(file.file_size or 0 for file in files if file.will_download)
    return Plan(source, licence, sum(file.file_size or 0 for file in files), missing, patterns)


def download(spec: ModelSpec, plan: Plan) -> Path:
    """Fetch what is missing, with the hub's own progress in bytes on stderr; check it; remember where it is.

    A connection that breaks is taken up where it broke; when all fails, the files that are complete are kept for the
    next time. Raises DollygripError: disk, download or weights.
    """
    from huggingface_hub import HfApi, snapshot_download

    free = _free(plan.cache)
    if plan.missing_bytes + _SPARE > free:
        raise DollygripError(
            f"{plan.cache} has {free / 1e9:.1f} GB free, and {plan.missing_bytes / 1e9:.1f} GB are to be downloaded.",
            "Free some space, or choose another disk with --folder.",
            "disk",
        )
    with _hub(plan.source):
        place = {"repo_id": plan.source.repo, "revision": plan.source.commit, "cache_dir": plan.source.cache}
        folder = snapshot_download(allow_patterns=list(plan.patterns), max_workers=_AT_ONCE, **place)
        found = HfApi().verify_repo_checksums(**place)
    if found.mismatches:
        bad = Path(found.mismatches[0]["path"])
        message = f"The file {bad} of {plan.source.repo} is not what the hub says it is."
        raise DollygripError(message, f"Delete {Path(folder) / bad} and download again.", "weights")
    check_folder(Path(folder), spec)
    _remember(spec, plan.source)
    return Path(folder)


def use_folder(spec: ModelSpec, folder: Path) -> Path:
    """Take the model from the user's own folder from now on. Raises DollygripError (weights) if it is not whole."""
    folder = folder.expanduser().resolve()
    check_folder(folder, spec)
    _remember(spec, Source(spec.repo, folder=str(folder)))
    return folder


@contextlib.contextmanager
def _hub(source: Source) -> Iterator[None]:
    """What the hub's client raises, as one sentence with a way out."""
    from httpx2 import HTTPError
    from huggingface_hub import errors

    try:
        yield
    except errors.HFValidationError as error:
        raise InputError(f"'{source.repo}' is no name of a repository.", "Write it like owner/name.") from error
    except errors.OfflineModeIsEnabled as error:
        hint = "Unset it, or copy the model here and run `dollygrip models use`."
        raise DollygripError("Nothing is downloaded while HF_HUB_OFFLINE is set.", hint, "download") from error
    except errors.GatedRepoError as error:
        hint = f"Accept it at https://huggingface.co/{source.repo}, then run `hf auth login`."
        raise DollygripError(f"{source.repo} asks you to accept its licence first.", hint, "download") from error
    except (errors.RepositoryNotFoundError, errors.RemoteEntryNotFoundError) as error:
        raise DollygripError(f"The hub has no pipeline {source.repo}.", "Check the name.", "download") from error
    except PermissionError as error:
        message = f"{error.filename} cannot be written: {error.strerror}."
        raise InputError(message, "Choose another --folder.") from error
    except (HTTPError, OSError, errors.XetDownloadError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            hint = "Free some space and run the command again: what is complete is kept. Or choose another --folder."
            raise DollygripError(f"The disk is full; {source.repo} is not complete.", hint, "disk") from error
        what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        hint = "Run the command again: what is complete is kept."
        raise DollygripError(f"The download of {source.repo} failed ({what}).", hint, "download") from error


def _free(folder: Path) -> int:
    """Free bytes of the disk that will hold `folder`."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _settings_file() -> Path:
    return state_dir() / "models.json"


def _settings() -> dict[str, Any]:
    try:
        settings = json.loads(_settings_file().read_text("utf-8"))
        return {name: attrs.asdict(Source(**value)) for name, value in settings.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise DollygripError(f"{_settings_file()} cannot be read: {error}.", "Delete it.", "weights") from error


def _remember(spec: ModelSpec, source: Source) -> None:
    settings = _settings() | {spec.name: attrs.asdict(source)}
    private_dir(state_dir())
    write_private(_settings_file(), json.dumps(settings, indent=1))
