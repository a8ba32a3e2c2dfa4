"""Weights that do not come with Dollygrip, on this computer: finding, downloading and checking them. No torch.

Downloads go through huggingface_hub into its cache, or a cache folder of the user's choice: what other programs have
fetched is found. Where a model is, is kept in models.json in Dollygrip's folder. Loading never touches the network.
"""

import contextlib
import errno
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import attrs

from dollygrip.errors import DollygripError, InputError
from dollygrip.state_folder import private_dir, state_dir, write_private

_SPARE = 1 << 30  # bytes of a disk that a download leaves free

Report = Callable[[str, int, int], None]
"""report(stage, done, total), in bytes; what it raises ends the download."""


class Model(Protocol):
    """What can be fetched: its title, repository on the hub, licence as far as it is known, about how many bytes."""

    name: str
    title: str
    repo: str
    licence: str
    download_bytes: int
    index: str  # the file of a repository that says what it holds

    def mismatch(self, index: Any) -> str:
        """How the content of an index is not that of such a model, as in "holds a …, not a …"; empty if it is."""

    def patterns(self, index: Any) -> tuple[str, ...]:
        """The files to fetch, by their patterns, from the content of the index."""

    def check(self, folder: Path) -> None:
        """Raise DollygripError (weights) unless the folder holds the whole model, no file cut short."""


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
    files: tuple[str, ...]

    @property
    def cache(self) -> Path:
        """The cache folder it would go to."""
        from huggingface_hub import constants

        return Path(self.source.cache or constants.HF_HUB_CACHE)


def source_of(model: Model) -> Source:
    """What the user chose for this model, else its own repository in the hub's default cache."""
    return Source(**_settings().get(model.name, {"repo": model.repo}))


def locate(model: Model) -> Path | None:
    """The folder that holds the model's index, or None. Only looks at this computer."""
    from huggingface_hub import try_to_load_from_cache

    source = source_of(model)
    if source.folder:
        return Path(source.folder)
    index = try_to_load_from_cache(source.repo, model.index, revision=source.commit, cache_dir=source.cache)
    return Path(index).parent if isinstance(index, str) else None


def missing_reason(model: Model) -> str:
    """Why the model cannot be loaded, with the way to it; empty where its weights are complete."""
    folder, wrong = look(model)
    return wrong or ("" if folder else absence(model))


def look(model: Model) -> tuple[Path | None, str]:
    """As `locate`, and what is wrong with what is there, with the way out; empty where it is whole, or nothing is."""
    folder = None
    try:
        if folder := locate(model):
            model.check(folder)
    except DollygripError as error:
        return folder, f"{error.message.rstrip('.')}; {error.hint[:1].lower()}{error.hint[1:].rstrip('.')}"
    return folder, ""


def absence(model: Model) -> str:
    """What is said of a model that is not there at all."""
    million = model.download_bytes / 1e6
    size = f"{million / 1000:.0f} GB" if million > 1000 else f"{million:.0f} MB"
    what = f"its weights (about {size}, licence {model.licence}) are not on this computer"
    return f"{what}; {way_to_fetch(model.name)}"


def way_to_fetch(name: str) -> str:
    """Where a model is fetched, to be said to whoever lacks it."""
    return f"fetch the model in the extension's preferences, or run `dollygrip models download {name}`"


def plan_download(model: Model, repo: str | None = None, cache: Path | None = None) -> Plan:
    """Ask the hub what a download would fetch: the model's own files, nothing that could hold pickled code.

    Raises DollygripError (download) where the hub cannot be asked, and (weights) for a repository of another model.
    """
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download
    from huggingface_hub.utils import disable_progress_bars, enable_progress_bars

    source = Source(repo or model.repo, cache=str(cache.expanduser().resolve()) if cache else None)
    disable_progress_bars()  # only a listing
    try:
        with _hub(source):
            info = HfApi().model_info(source.repo)
            source = attrs.evolve(source, commit=info.sha)
            index = json.loads(Path(hf_hub_download(filename=model.index, **_place(source))).read_text())
            if problem := model.mismatch(index):
                message = f"The repository {source.repo} {problem}."
                raise DollygripError(message, f"The model's own is {model.repo}.", "weights")
            files = snapshot_download(allow_patterns=list(model.patterns(index)), dry_run=True, **_place(source))
    finally:
        enable_progress_bars()
    card = info.card_data or {}
    licence = card.get("license_name") or card.get("license") or "not stated"  # the one that `license` calls "other"
    missing = sum(file.file_size or 0 for file in files if file.will_download)
    smallest_first = sorted(files, key=lambda file: (file.file_size or 0, file.filename))
    names = tuple(file.filename for file in smallest_first)  # so that what breaks off has the most that is complete
    return Plan(source, licence, sum(file.file_size or 0 for file in files), missing, names)


def download(model: Model, plan: Plan, report: Report = lambda *_: None) -> Path:
    """Fetch what is missing, one file after the other; check it; remember where it is.

    A connection that breaks is taken up where it broke; when all fails, the files that are complete are kept for the
    next time. Raises DollygripError: disk, download or weights.
    """
    from huggingface_hub import hf_hub_download

    _sweep(plan)
    _check_room(model, plan)
    with _hub(plan.source):
        bar = _counting(plan, report)
        for file in plan.files:
            hf_hub_download(filename=file, tqdm_class=bar, **_place(plan.source))
        report("checking", plan.total_bytes, plan.total_bytes)
        folder = _verified(plan)
    model.check(folder)
    _remember(model, plan.source)
    return folder


def use_folder(model: Model, folder: Path) -> Path:
    """Take the model from the user's own folder from now on. Raises DollygripError (weights) if it is not whole."""
    folder = folder.expanduser().resolve()
    model.check(folder)
    _remember(model, Source(model.repo, folder=str(folder)))
    return folder


def _place(source: Source) -> dict[str, Any]:
    """A source as the hub's client wants it."""
    return {"repo_id": source.repo, "revision": source.commit, "cache_dir": source.cache}


def break_off() -> None:
    """End what the hub's client transfers on other threads, as far as it does not end with its next report."""
    from huggingface_hub.utils._xet import abort_xet_session  # its own way when Ctrl-C is pressed

    abort_xet_session()


def _counting(plan: Plan, report: Report) -> type:
    """A class of progress bars for the hub's client that show nothing: what they are told goes to `report`, in sum."""
    from huggingface_hub.utils import tqdm

    done = plan.total_bytes - plan.missing_bytes

    class Bar(tqdm):
        def __init__(self, *arguments: Any, **options: Any):
            super().__init__(*arguments, **options | {"disable": True})

        def update(self, n: float | None = 1) -> None:
            nonlocal done
            done += int(n or 0)
            report("downloading", min(done, plan.total_bytes), plan.total_bytes)

        def update_transfer(self, _n: float | None = 1) -> None:
            """Bytes that came over the network, while `update` is told of those that were written."""
            report("downloading", min(done, plan.total_bytes), plan.total_bytes)

        def set_transfer_postfix_str(self, *_arguments: Any, **_options: Any) -> None: ...

    return Bar


def _verified(plan: Plan) -> Path:
    """The folder of a plan that was fetched, compared with the hub's checksums; a file that is another is deleted."""
    from huggingface_hub import HfApi

    found = HfApi().verify_repo_checksums(**_place(plan.source))
    bad = [found.verified_path / mismatch["path"] for mismatch in found.mismatches]
    for file in bad:
        file.resolve().unlink(missing_ok=True)  # the cache's own copy, to which `file` is a link
        file.unlink(missing_ok=True)
    if bad:
        message = f"The file {bad[0]} is not what the hub says it is; it was deleted."
        raise DollygripError(message, "Fetch the model again: what is complete is kept.", "weights")
    return Path(found.verified_path)


def _sweep(plan: Plan) -> None:
    """Delete the unfinished files of downloads whose process was ended: the hub's client begins each anew."""
    from filelock import Timeout
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import WeakFileLock

    repo = repo_folder_name(repo_id=plan.source.repo, repo_type="model")
    for left in (plan.cache / repo / "blobs").glob("*.incomplete"):
        lock = plan.cache / ".locks" / repo / f"{left.name.partition('.')[0]}.lock"
        with contextlib.suppress(Timeout, OSError), WeakFileLock(lock, timeout=0.1):  # else it is being downloaded
            left.unlink()


def _check_room(model: Model, plan: Plan) -> None:
    free = _free(plan.cache)
    if plan.missing_bytes + _SPARE > free:
        raise DollygripError(
            f"{plan.cache} has {free / 1e9:.1f} GB free, and {plan.missing_bytes / 1e9:.1f} GB are to be downloaded.",
            f"Free some space, or choose another disk: `dollygrip models download {model.name} --folder FOLDER`.",
            "disk",
        )


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
        raise DollygripError(f"The hub has no model {source.repo}.", "Check the name.", "download") from error
    except PermissionError as error:
        message = f"{error.filename} cannot be written: {error.strerror}."
        hint = "Make it writable, or choose another: `dollygrip models download NAME --folder FOLDER`."
        raise InputError(message, hint) from error
    except (HTTPError, OSError, errors.XetDownloadError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            hint = "Free some space and fetch it again: what is complete is kept."
            raise DollygripError(f"The disk is full; {source.repo} is not complete.", hint, "disk") from error
        what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        hint = "Check the connection and fetch it again: what is complete is kept."
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


def _remember(model: Model, source: Source) -> None:
    settings = _settings() | {model.name: attrs.asdict(source)}
    private_dir(state_dir())
    write_private(_settings_file(), json.dumps(settings, indent=1))
