"""The render: dream, record, publish. Stopped at any moment, it goes on as if nothing had been."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import FrameType

from zoomdream import assembly, ffmpeg, pipeline
from zoomdream.config import Config
from zoomdream.encode import trial
from zoomdream.encode.segment import EncodeSettings, raw_bits
from zoomdream.errors import OutputError, RenderInterrupted
from zoomdream.machine.files import discard, writing
from zoomdream.pipeline_droste import Report, unheard
from zoomdream.rendering.eta import Eta, ending
from zoomdream.rendering.job import Job, encode_settings, make_job, recall, versions
from zoomdream.rendering.observer import Observer, Observers, Progress, ProgressOnly
from zoomdream.rendering.owner import Found, find
from zoomdream.rendering.plan import make_plan
from zoomdream.rendering.publish import kept_end, publish, rehearse
from zoomdream.rendering.readback import read_back
from zoomdream.rendering.recorder import Recorder, Writer
from zoomdream.rendering.recording import Recording, Unit
from zoomdream.rendering.run import Run
from zoomdream.rendering.workspace import Workspace, working_folder
from zoomdream.stages import Stages, ZoomStages
from zoomdream.timeline import Timeline
from zoomdream.types import Network, Plan, State

_UNGUARDED = (
    "warning: the output's disk knows no file locks, so that nothing guards it: start no second render of it meanwhile"
)

_ATTEMPTS = 4  # to record what the disk damages meanwhile

MakeFrames = Callable[[State | None], Iterator[State]]
"""The last finished state or None → the states after it."""

OpenNetwork = Callable[[Config, Plan], Network]


def render(
    config: Config,
    *,
    restart: bool = False,
    progress: Callable[[Progress], None] | None = None,
    observer: Observer | None = None,
    draft: bool = False,
    plan: Plan | None = None,
    networks: OpenNetwork | None = None,
    told: Callable[[Config], Config] | None = None,
    fill: Callable[[Recording], None] | None = None,
) -> Path:
    """Render a config, or go on with a stopped render of it, and return the finished path.

    A finished output of the same config is kept. With `restart`, whatever is there is rendered anew and replaced at
    the end. `draft`: any later render may replace this one. `progress` is called after each frame, in this thread;
    `observer` sees pictures too. Raises ConfigError, InputError, OutputError, and RenderInterrupted on Ctrl-C or
    SIGTERM; finished segments are kept then.

    For batches: `plan` where it has been made already; `networks` opens the config's network where that is open
    already; `told` makes of the resolved config what is stored in the file; `fill` as in `render_frames`.
    """
    with stoppable(), config.error_context():
        if plan is None:
            program = ffmpeg.executable(config.encode.ffmpeg)
            plan = make_plan(config, None if restart else recall(config.output, program))
        job = make_job(config, plan, told, draft=draft)
        both = (None if progress is None else ProgressOnly(progress), observer)
        observers = Observers(tuple(one for one in both if one is not None))

        def report(begun: float) -> None:
            observers.progress(Progress(0, config.frames, None, None, begun=begun))

        with contextlib.closing(Dreaming(config, plan, networks)) as dreaming:
            return render_frames(
                lambda start: dreaming.frames(start, config.frames, report),
                job,
                restart=restart,
                observers=observers,
                prepare=lambda: dreaming.stages,
                fill=fill,
                passes=dreaming.timeline.passes,
            )


class Dreaming:
    """The frames of a config. Its stages are made when they are first needed."""

    def __init__(self, config: Config, plan: Plan, networks: OpenNetwork | None) -> None:
        self._config, self._plan, self._networks = config, plan, networks
        self.timeline = Timeline.of(config, plan.cuts)

    @cached_property
    def stages(self) -> Stages:
        config, plan = self._config, self._plan
        trial.check(encode_settings(config, plan))
        network, ended = self._networks and self._networks(config, plan), kept_end(config, plan)
        stages = assembly.open_stages(config, plan, network, timeline=self.timeline)
        if ended is None or not isinstance(stages, ZoomStages) or stages.before is None:
            return stages
        return replace(stages, before=replace(stages.before, ended=ended.to(plan.device)))

    def frames(self, start: State | None, end: int, report: Report = unheard) -> Iterator[State]:
        """The states after `start` up to that of frame `end` (without it). report: see `pipeline`."""
        return pipeline.frames(self.stages, start and start.to(self._plan.device), end, report)

    def close(self) -> None:
        if "stages" in self.__dict__:
            self.stages.close()


def render_frames(
    make_frames: MakeFrames,
    job: Job,
    *,
    restart: bool = False,
    observers: Observers | None = None,
    prepare: Callable[[], object] = lambda: None,
    fill: Callable[[Recording], None] | None = None,
    passes: Sequence[float] | None = None,
) -> Path:
    """The render loop for any source of states. Raises as `render` does; Ctrl-C becomes RenderInterrupted.

    `prepare` is called before anything of an older render is thrown away, and raises what speaks against this one.
    `fill` puts frames that were recorded elsewhere into the recording. passes: see `record`.
    """
    observers = observers or Observers()
    finished = False
    try:
        with Workspace(working_folder(job.output)) as workspace:
            if not workspace.guarded:
                observers.progress(Progress(0, job.frames, None, None, _UNGUARDED, warning=True))
            found = find(job, restart=restart)
            finished = found.finished
            if finished:
                workspace.empty()
                observers.progress(Progress(job.frames, job.frames, None, 0.0, f"{job.output} is finished already"))
                return job.output
            run = found.run
            if run is None:
                run = _started(job, found, restart)
                for note in job.sound.notes if job.sound else ():
                    observers.progress(Progress(0, job.frames, None, None, f"note: {note}"))
                rehearse(job)
                prepare()
                workspace.begin(run)
            settings = replace(job.settings, pixel_format=run.plan.pixel_format, threads=run.plan.encoder_threads)
            recording = Recording(workspace.folder, settings, job.frames, 0, job.frames)
            try:
                if fill is not None:
                    fill(recording)
                note = _changes(run, settings) if found.kept else ""
                for attempt in range(_ATTEMPTS):  # the second only looks at what the first has kept
                    if not record(make_frames, recording, observers, passes, note, again=attempt > 0):
                        break
                else:
                    raise OutputError(f"{workspace.folder}: the disk damages what is written to it.")
                observers.progress(Progress(job.frames, job.frames, None, 0.0, "joining the segments"))
                with writing(job.output):
                    publish(job, recording, run.plan, trim=run.trim)
            except KeyboardInterrupt:
                raise RenderInterrupted(_farewell(recording, job)) from None
            finished = True
            workspace.empty()
    except KeyboardInterrupt:
        if not finished:
            raise
        raise RenderInterrupted(f"{job.output} is finished. Stopped while the rest was tidied up.") from None
    return job.output


def record(
    make_frames: MakeFrames,
    recording: Recording,
    observers: Observers,
    passes: Sequence[float] | None = None,
    note: str = "",
    again: bool = False,
) -> bool:
    """Dream and record the frames of a recording that are left, and of those that are kept what is damaged; whether
    there were any. passes: the gradient passes of each of its frames, for the ETA; None where all are alike. note: what
    to say where frames are there already; again: all of it has been recorded once.
    """
    start, damaged = recording.resume(lambda units: _record_again(units, make_frames, recording, observers))
    count = recording.end - recording.begin
    done = 0 if start is None else start.index + 1 - recording.begin
    if damaged:
        what = f"{', '.join(damaged[:3])}{' and more' if damaged[3:] else ''} in {recording.folder}"
        told = f"warning: damaged: {what}; rendering again after frame {recording.begin + done}"
        observers.progress(Progress(done, count, None, None, told, warning=True))
    if done == count and again:
        return False
    greeting = f"going on after frame {recording.begin + done}{note}" if done else "starting"
    observers.progress(Progress(done, count, None, None, greeting))
    if done == count:
        return False
    eta, after = Eta(passes or [1] * count, done, time.monotonic()), ending(recording.settings, recording.end)
    recorder = Recorder(recording)
    try:
        for state in make_frames(start):
            picture = recorder.put(state)
            eta.frame_done(time.monotonic())
            observers.picture(picture)
            left = eta.seconds_left
            eta_seconds = None if left is None else left + after
            done += 1
            observers.progress(Progress(done, count, eta.seconds_per_frame, eta_seconds))
    except BaseException:
        with contextlib.suppress(Exception):  # the first error is the one that counts
            recorder.finish()
        raise
    recorder.finish()
    return True


def _record_again(units: Sequence[Unit], make_frames: MakeFrames, recording: Recording, observers: Observers) -> None:
    """Record damaged units in the place of what is there of them. All up to the last of them is dreamed again."""
    settings, count = recording.settings, recording.end - recording.begin
    names = ", ".join(recording.path(unit).name for unit in units[:3])
    what = f"{names}{' and more' if units[3:] else ''} in {recording.folder}"
    told = f"warning: damaged: {what}; rendering again up to frame {units[-1].end}, the rest is kept"
    observers.progress(Progress(0, count, None, None, told, warning=True))
    with contextlib.ExitStack() as opened:
        writer: Writer | None = None
        for state in make_frames(None):
            unit = recording.unit(state.index)
            if unit in units:
                if writer is None:
                    discard(recording.path(unit))
                    writer = recording.writer(unit)
                    opened.callback(writer.drop)
                frame = read_back(state, (settings.height, settings.width), raw_bits(settings), last=False)
                writer.write_raw(frame.raw())
                if state.index == unit.end - 1:
                    writer.seal()
                    writer.close()
                    writer = None
            observers.progress(Progress(state.index + 1 - recording.begin, count, None, None))
            if state.index == units[-1].end - 1:
                return


def _started(job: Job, found: Found, restart: bool) -> Run:
    return Run(
        fingerprint=job.fingerprint,
        frames=job.frames,
        seed=job.seed,
        plan=job.plan,
        versions=versions(job.settings.program),
        overwrite=restart,
        trim=found.owner not in ("nobody", "another program"),
        config=job.config,
    )


def _changes(run: Run, settings: EncodeSettings) -> str:
    """Which versions are others than at the start."""
    now, then = versions(settings.program), run.versions
    changed = [f"{name} {then[name]} is now {now[name]}" for name in now if then.get(name, now[name]) != now[name]]
    return f"; {', '.join(changed)}, so that the rest may look slightly different" if changed else ""


def _farewell(recording: Recording, job: Job) -> str:
    kept = recording.kept()
    if kept == 0 and any(recording.folder.glob("segment_*")):  # a damaged one was being rendered again
        return f"Stopped. What {recording.folder} keeps of {job.output} is used when the same command runs again."
    if kept == 0:
        return f"Stopped before the first segment of {job.output} was finished: nothing is kept."
    done = f"{kept} of {job.frames} frames of {job.output} are kept in {recording.folder}"
    return f"Stopped. {done}: run the same command again (without --restart) to go on."


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
