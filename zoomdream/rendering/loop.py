"""The render: dream, record, join. Stopped at any moment, it goes on as if nothing had been."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import FrameType

from zoomdream import assembly, ffmpeg, pipeline
from zoomdream.config import Config
from zoomdream.encode import metadata, trial
from zoomdream.encode.segment import EncodeSettings
from zoomdream.errors import ConfigError, RenderInterrupted
from zoomdream.rendering.deliver import check_sidecar, deliver, occupant, working_folder
from zoomdream.rendering.forecast import Forecast, ending
from zoomdream.rendering.job import Job, make_job, recall, versions
from zoomdream.rendering.plan import make_plan
from zoomdream.rendering.recorder import Recorder
from zoomdream.rendering.run import Run
from zoomdream.rendering.workspace import Workspace, writing
from zoomdream.stages import Stages
from zoomdream.timeline import Timeline
from zoomdream.types import Network, Plan, State

MakeFrames = Callable[[State | None], Iterator[State]]
"""The last finished state or None → the states after it."""

Fill = Callable[[Workspace, EncodeSettings], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a render is: `done` of `frames`. Seconds are None until known; message is "" between events."""

    done: int
    frames: int
    seconds_per_frame: float | None
    eta_seconds: float | None
    message: str = ""


def render(
    config: Config,
    *,
    restart: bool = False,
    progress: Callable[[Progress], None] | None = None,
    plan: Plan | None = None,
    networks: Callable[[Config, Plan], Network] | None = None,
    revise: Callable[[Job], Job] | None = None,
    fill: Fill | None = None,
) -> Path:
    """Render a config, or go on with a stopped render of it, and return the finished path.

    A finished output of the same config is kept. With `restart`, whatever is there is rendered anew and replaced at
    the end. `progress` is called after each frame, in this thread. Raises ConfigError, InputError, OutputError, and
    RenderInterrupted on Ctrl-C or SIGTERM; finished segments are kept then.

    For who renders many: `plan` where it has been made already; `networks` opens the config's network where that is
    open already; `revise` changes what is told of the render; `fill` as in `render_frames`.
    """
    with stoppable(), config.error_context():
        output, program = config.output, ffmpeg.executable(config.encode.ffmpeg)
        plan = plan or make_plan(config, None if restart else recall(output, program))
        job = make_job(config, plan)
        job = revise(job) if revise else job
        timeline = Timeline.of(config, plan.cuts)
        with contextlib.ExitStack() as opened:

            @cache
            def stages() -> Stages:
                trial.check(job.settings)  # called before the first frame, if any
                made = assembly.open_stages(config, plan, networks and networks(config, plan), timeline=timeline)
                opened.callback(made.close)
                return made

            def make_frames(start: State | None) -> Iterator[State]:
                return pipeline.frames(stages(), start and start.to(plan.device), config.frames)

            return render_frames(
                make_frames,
                job,
                restart=restart,
                progress=progress,
                prepare=stages,
                fill=fill,
                effort=timeline.passes,
            )


def render_frames(
    make_frames: MakeFrames,
    job: Job,
    *,
    restart: bool = False,
    progress: Callable[[Progress], None] | None = None,
    prepare: Callable[[], object] = lambda: None,
    fill: Fill | None = None,
    effort: Sequence[float] | None = None,
) -> Path:
    """The render loop for any source of states. Raises as `render` does; Ctrl-C becomes RenderInterrupted.

    `prepare` is called before anything of an older render is thrown away, and raises what speaks against this one.
    `fill` puts frames that were recorded elsewhere into the working folder. effort: that of each frame, for the
    forecast; None where all are alike.
    """
    report = progress or (lambda _: None)
    finished = False
    try:
        with Workspace(working_folder(job.output)) as workspace:
            run = _settle_on_a_run(workspace, job, restart, prepare)
            finished = run is None
            if run is None:
                workspace.empty()
                report(Progress(job.frames, job.frames, None, 0.0, f"{job.output} is finished already"))
                return job.output
            settings = replace(job.settings, pixel_format=run.plan.pixel_format, threads=run.plan.encoder_threads)
            if fill is not None:
                fill(workspace, settings)
            start = workspace.resume(settings)
            done = 0 if start is None else start.index + 1
            report(Progress(done, job.frames, None, None, _greeting(run, settings, done)))
            try:
                if done < job.frames:
                    forecast = Forecast(effort or [1] * job.frames, done, time.monotonic())
                    _record(make_frames(start), workspace, settings, job.frames, forecast, report)
                report(Progress(job.frames, job.frames, None, 0.0, "joining the segments"))
                segments = workspace.segments(settings, job.frames)
                origin = metadata.write_origin(job.fingerprint, job.config)
                with writing(job.output):
                    deliver(settings, segments, job.output, job.frames, origin=origin, sound=job.sound, trim=run.trim)
            except KeyboardInterrupt:
                raise RenderInterrupted(_farewell(workspace.folder, workspace.kept(settings), job)) from None
            finished = True
            workspace.empty()
    except KeyboardInterrupt:
        if not finished:
            raise
        raise RenderInterrupted(f"{job.output} is finished. Stopped while the rest was tidied up.") from None
    return job.output


def _settle_on_a_run(workspace: Workspace, job: Job, restart: bool, prepare: Callable[[], object]) -> Run | None:
    """The run to go on with, or a new one, or None if all is finished. ConfigError if something else is there."""
    found = occupant(job.settings.program, job.output, job.frames, job.fingerprint)
    check_sidecar(job.output)
    run = None if restart else workspace.read_run()
    if run is not None and run.fingerprint != job.fingerprint and not workspace.worth_keeping:
        run = None  # of another config, killed before its first segment was finished
    if run is not None:
        if run.fingerprint != job.fingerprint:
            raise ConfigError(
                f"{workspace.folder} holds the unfinished render of another config. Give another output, or "
                "`--restart` to throw that away and begin anew."
            )
        if found not in (None, job.fingerprint, "incomplete") and not run.overwrite:
            raise ConfigError(f"{job.output} appeared while this render was stopped; `--restart` replaces it.")
        return run
    if found == job.fingerprint and not restart:
        return None
    if found not in (None, "incomplete") and not restart:
        what = "another config" if found else "another program"
        raise ConfigError(
            f"{job.output} exists and was made by {what}. Give another output, or `--restart` to replace it."
        )
    run = Run(
        fingerprint=job.fingerprint,
        frames=job.frames,
        seed=job.seed,
        plan=job.plan,
        versions=versions(job.settings.program),
        overwrite=restart,
        trim=bool(found),
        config=job.config,
    )
    prepare()
    workspace.begin(run)
    return run


def _record(
    states: Iterator[State],
    workspace: Workspace,
    settings: EncodeSettings,
    frames: int,
    forecast: Forecast,
    report: Callable[[Progress], None],
) -> None:
    """Dream and record the frames that are left."""
    recorder, end = Recorder(workspace, settings, frames), ending(settings, frames)
    try:
        for state in states:
            recorder.put(state)
            forecast.tell(time.monotonic())
            left = forecast.seconds_left
            eta = None if left is None else left + end
            report(Progress(state.index + 1, frames, forecast.seconds_per_frame, eta))
    except BaseException:
        with contextlib.suppress(Exception):  # the first error is the one that counts
            recorder.finish()
        raise
    recorder.finish()


def _greeting(run: Run, settings: EncodeSettings, done: int) -> str:
    if done == 0:
        return "starting"
    now, then = versions(settings.program), run.versions
    changed = [f"{name} {then[name]} is now {now[name]}" for name in now if then.get(name, now[name]) != now[name]]
    note = f"; {', '.join(changed)}, so that the rest may look slightly different" if changed else ""
    return f"going on after frame {done}{note}"


def _farewell(folder: Path, kept: int, job: Job) -> str:
    if kept == 0:
        return f"Stopped before the first segment of {job.output} was finished: nothing is kept."
    return (
        f"Stopped. {kept} of {job.frames} frames of {job.output} are kept in {folder}: run the same command again "
        "(without --restart) to go on."
    )


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM stops like Ctrl-C, and either of them outside of the render loop is a RenderInterrupted too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    ours = threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    )
    if ours:
        signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise RenderInterrupted("Stopped before the render began.") from None
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
