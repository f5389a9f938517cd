"""Every bound of eventsrc, in one place, with its reason (law L7).

Sizes are bytes, durations are seconds, unless the name says otherwise. What a user may change has a setting in
`config.py` whose default is the value here; the rest is fixed because correctness or memory depends on it.
"""

from __future__ import annotations

KIB = 1024
MIB = 1024 * 1024

# --- the log -------------------------------------------------------------------------------------------------------
SEGMENT_BYTES = 64 * MIB  # a segment is sealed past this size; opening verifies one segment, which stays under a second
COMMIT_EVENTS = 16_384  # events in one write + fdatasync: what a crash can roll back, and one hop to a thread
OVERLAP_EVENTS = 512  # events of a group whose encoding is worth a thread hop of its own, beside the sync before it
COMMIT_BYTES = 16 * MIB  # bytes in one write + fdatasync; a single record always fits (RECORD_BYTES below this)
RECORD_BYTES = 8 * MIB  # one record; transcripts have lines of 1 MB, logs inside logs have more. Beyond: a stub event
RECORD_HEAD_BYTES = 64 * KIB  # how much of an oversized record is kept in its stub
ID_CHARS = 1_024  # an id, type, subject or source of a pushed event; longer ones are refused
READ_BYTES = 4 * MIB  # one read from a segment: large enough for the disk, small enough for memory
HASH_BYTES = 256 * KIB  # one read for a hash: stays in the processor's cache (measured: 4 MiB costs a tenth more)
READ_EVENTS = 8_192  # events that a reader hands over at once
BLOCK_BYTES = 128 * KIB  # lines of a segment that are checked and decoded together: they stay in the processor's cache
INDEX_FLUSH_EVENTS = 20_000  # events whose ids, streams and cursors wait in memory before the index is written
INDEX_PENDING_EVENTS = 1_000_000  # the same while the index cannot be written: about 200 MB; then the log stops
STREAM_CACHE = 100_000  # streams whose revision is kept in memory (about 20 MB); others are looked up in the index
VERIFY_AT_START_BYTES = (
    256 * MIB
)  # newest sealed segments that `serve` verifies before it is ready; the rest follows later
FOLLOW_SECONDS = 0.1  # how often `tail -f` looks at the growing segment: quick for a person, next to nothing for a core
ATTACH_SECONDS = 0.03  # how often `attach` looks: somebody watches a model type, for as long as they look
ATTACH_REST_SECONDS = 0.5  # without an event after the end of a session before `attach` ends: the last ones come late
EXPERIMENT_LOOK_SECONDS = 0.5  # how often `attach` asks how far an experiment is: a turn takes seconds
ATTACH_LAG_SECONDS = 3.0  # that `attach` waits for a session which is in the log and not yet in the read model
STORY_BLOCKS = 20_000  # blocks, messages and calls that `attach` remembers to show each once: about 10 MB
COUNT_MOST = 10**13  # of anything that a producer counts: milliseconds to 2286, and sums of them fit into 64 bits
VERIFY_FAULTS = 1_000  # that `verify` tells of one segment: beyond, the segment is lost, and a list helps nobody
DISK_FULL_RETRY_SECONDS = 1.0  # how often a writer looks whether there is room again
DATA_DEPTH = 256  # JSON nested deeper is kept as bytes: reading it again may need more stack than a reader has left
LOCK_PATIENCE_SECONDS = 0.1  # `verify` holds the lock for an instant when it asks whether there is a writer
ENCODED_CACHE = 65_536  # (source, type, subject) kept in encoded form for drafts, about 15 MB

# --- channels ------------------------------------------------------------------------------------------------------
MAILBOX_BATCHES = 64  # batches (never single events) that wait in a mailbox: several group commits' worth
MAILBOX_BYTES = 8 * MIB  # what they may weigh together: half a commit; one heavier batch travels alone
BATCH_EVENTS = 512  # records that a source hands over at once
CATCHUP_EVENTS = 4_096  # the same while a source reads what is already there: one commit takes several of these
BATCH_BYTES = 1 * MIB  # bytes that a source hands over at once (one larger record travels alone)

# --- files as sources ----------------------------------------------------------------------------------------------
FINGERPRINT_BYTES = 1 * KIB  # the head of a file that tells it from another one with the same inode number
LOOK_SECONDS = 2.0  # how often followed folders are looked at without a hint
IDLE_LOOK_SECONDS = 10.0  # the same for folders in which nothing happened for a while
SOURCE_FILES = 100_000  # files that one service follows; more is a configuration mistake worth an error
OPEN_FILES = 64  # followed files held open at the same time
ANCHOR_BYTES = 4 * KIB  # bytes before a cursor whose hash tells that what follows belongs to what was read
FLYING_BATCHES = 4  # batches of one file on their way to the log: one read, one drafted, one encoded, one syncing
READING_FILES = 4  # files that one source reads at the same time: covers the wait for a commit, keeps memory small
TURN_FILES = 8  # files with little to read that share a hop to a thread: most of its price is saved, and few are open
WHOLE_BYTES = 1 * MIB  # a small file that is recorded as one record; larger ones are no sidecars
UNPACKED_BYTES = 1024 * MIB  # a packed file that would become larger is refused: the largest plain one seen has 212 MB
UNPACKING_WINDOW = 128 * MIB  # memory that unpacking may take; what packs with more was told to
SCAN_BYTES = 64 * MIB  # bytes of an endless line that one thread hop looks through: a stop waits for no more
WATCH_STEP_MS = 50  # how often hints are collected: an appended line is seen after 50 to 100 ms, for 0.13 % of a core
WATCH_GROUP_MS = 50  # hints of one burst are grouped this long
COLD_LOOKS = 12  # with hints, a folder in which nothing happens is looked at every n-th idle look: 0.1 % of a core
HOT_LOOKS = 30  # looks for which a folder counts as busy after something happened in it

# --- a spool as a source -------------------------------------------------------------------------------------------
SPOOL_LOOK_SECONDS = 0.25  # how often a spool is looked at, by one stat: nobody notices, for 0.1 % of a core
SPOOL_ABSENT_SECONDS = 2.0  # the same where no hook ever left a file: the very first one waits a little longer
HOOKS_LOOKED_AT = 20_000  # newest events in which `hooks status` looks for hooks: a fraction of a second
HOOK_TIMEOUT_SECONDS = 5  # an agent waits no longer for a hook of ours, which takes milliseconds
SPOOL_FILES = 10_000  # hooks that wait while no service runs: weeks of one agent, some 100 MB; then some are dropped
SPOOL_UNFINISHED_SECONDS = 3_600.0  # a file that nobody finished for so long is an accident, not somebody who writes

# --- ZeroMQ --------------------------------------------------------------------------------------------------------
ZMQ_HWM = 1_000  # messages that libzmq holds for one connection: what one wake takes out, and little memory
ZMQ_WAITING_MESSAGES = 50_000  # received and not handed over yet, per socket: seconds of a busy mesh
ZMQ_WAITING_BYTES = 32 * MIB  # the same in bytes; a publisher's messages beyond it are counted as a gap
ZMQ_MESSAGE_BYTES = 64 * MIB  # a larger message ends its connection; between RECORD_BYTES and this a stub is kept
ZMQ_EXTRA_BYTES = 48 * KIB  # topic and further frames together, kept as attributes of the event; beyond: a stub
ZMQ_FRAMES = 16  # frames of one message that are kept; more are no agent's message
ZMQ_SENDERS = 10_000  # senders whose last number is remembered, some 2 MB; forgotten ones are looked up in the log
ZMQ_LOOK_SECONDS = 1.0  # how often a socket is looked at without a hint, should one have been missed
ZMQ_RECONNECT_MS = 100  # first pause before libzmq connects again; doubles up to the next
ZMQ_RECONNECT_MOST_MS = 2_000  # a broker that is back is heard again within this
ZMQ_HEARTBEAT_MS = 5_000  # how often a silent peer is asked whether it lives
ZMQ_SILENCE_MS = 15_000  # a peer that answers nothing for so long counts as gone
ZMQ_BIND_SECONDS = 5.0  # until an endpoint that could not be used is tried again
ZMQ_QUIET_SECONDS = 0.1  # at a stop: when nothing came for so long, what was sent before is received
ZMQ_STOP_SECONDS = 1.0  # at a stop, agents that never pause are received for no longer than this
BROKER_HWM = 10_000  # messages that the forwarder holds for one slow subscriber; then that one misses some
BROKER_LINGER_MS = 1_000  # what the forwarder still holds at its end is sent for no longer than this

# --- pushed events -------------------------------------------------------------------------------------------------
BODY_BYTES = 16 * MIB  # one HTTP request body
BODY_EVENTS = 10_000  # events in one request
BODY_INLINE_BYTES = 64 * KIB  # larger bodies are taken apart on a thread: ten thousand events take 0.1 s (measured)
BODY_SECONDS = 30.0  # a client that sends its body slower than this is dropped
HEAD_SECONDS = 10.0  # the head of a request, and the rest of a body that was refused; slower clients are dropped
WRITE_SECONDS = 30.0  # a client that reads nothing of its answer for this long is dropped
PUSH_SECONDS = 60.0  # from a body that is whole to the answer "durable"; later the outcome is left to a retry
HOOK_SECONDS = 1.0  # an agent waits for the answer to its hook: a log that is slower than this is not waited for
PUSH_BYTES = 64 * MIB  # all bodies being received at the same time: many large pushes wait for each other's end
ATTRIBUTES_BYTES = 64 * KIB  # all attributes of one pushed event together: they are read with every event
KINDS_KEPT = 1_024  # kinds of pushed events whose attributes are not judged again: producers have a handful; 2 MB
KIND_CHARS = 1_024  # attributes of such a kind; longer ones are rare and would make the memory of them large
CONNECTIONS = 1_024  # open connections of one listener, live streams included; more are answered 503
RETRY_AFTER_SECONDS = 1  # what a client that was turned away for lack of room is told to wait
STREAM_CLIENTS = 256  # live-stream clients at once
STREAM_QUEUE = 64  # batches that wait for one live-stream client; a slower one is told to resync
STREAM_QUEUE_BYTES = 16 * MIB  # the same in bytes, for all clients together: they share the batches
STREAM_PAGE_BYTES = 256 * KIB  # bytes of one such batch (one larger group of events travels alone)
STREAM_PING_SECONDS = 15.0  # a comment on a silent stream, so that proxies and clients know that it lives
STOP_SECONDS = 2.0  # what requests under way get at shutdown; live streams are told goodbye at once
JSON_DEPTH = 1_000  # nesting of pushed JSON; files keep deeper records as bytes

# --- the client of agents ------------------------------------------------------------------------------------------
CLIENT_MESSAGES = 10_000  # messages that wait in a client: minutes of a talkative agent without a recorder
CLIENT_BYTES = 32 * MIB  # what they may weigh: an agent's memory is its own
CLIENT_LINGER_SECONDS = 5.0  # how long a program waits at its end for what is queued
CLIENT_ANSWER_SECONDS = 30.0  # for one answer; a recorder that is slower is asked again, which doubles nothing
CLIENT_BATCH = 500  # messages in one request
CLIENT_BATCH_BYTES = 4 * MIB  # the same in bytes; below BODY_BYTES with one record of RECORD_BYTES on top
CLIENT_BACKOFF_SECONDS = 0.1  # first pause after a recorder that did not answer; doubles up to the next
CLIENT_BACKOFF_MOST_SECONDS = 2.0  # a recorder that is back is found within this
CLIENT_ZMQ_HWM = 100  # messages in libzmq's own hands, which are lost with a connection and cannot be counted
CLIENT_ZMQ_SEND_MS = 100  # one attempt to hand a message to libzmq: how soon a stop is noticed

# --- launching agents ----------------------------------------------------------------------------------------------
LAUNCH_READY_SECONDS = 60.0  # for a recorder that is started to be ready: it verifies its newest segments first
LAUNCH_TELL_SECONDS = 2.0  # for one answer while an agent runs: meanwhile its signals wait
LAUNCH_CHECKPOINT_SECONDS = 60.0  # for the checkpoint at the end: a person waits for their prompt

# --- formats -------------------------------------------------------------------------------------------------------
TEXT_CACHE = 4_096  # decoded metadata, minutes, event names that a format remembers: about 1 MB; emptied when full
NAME_CHARS = 200  # an event name of a producer; a longer one is not a name, and would be a type for ever

# --- read models ---------------------------------------------------------------------------------------------------
APPLY_EVENTS = 8_192  # events in one transaction of a projector
BEAT_SECONDS = 0.05  # between two batches of a projector that keeps up: a commit each, however often the log grows
FAR_EVENTS = (
    50_000  # behind by more, and by more than it holds, a read model is built anew, which is several times faster
)
BUILD_NICENESS = 5  # what is built in a process of its own gives way to what is recorded
CHILD_NEWS_SECONDS = 0.5  # how long its news are waited for at a time: a stop is noticed between two of them
CHILD_END_SECONDS = 5.0  # a child that was told to end and does not is ended by force
GATHER_SECONDS = (
    0.25  # a build waits so long for others: those that are outdated at a start share one pass over the log
)
STRAGGLER_SECONDS = 1.0  # read models that keep step wait so long for one that is held up; then it goes alone
REBUILD_EVENTS = 50_000  # events in one transaction of a rebuild: nobody reads it yet
DEAD_LETTERS = 10_000  # dead letters of one read model; past that it is stopped and marked broken
BUSY_SECONDS = 60.0  # how long a projector waits for an outside program that holds the database
BUSY_SLICE_SECONDS = 1.0  # one wait inside SQLite, which nothing can interrupt; a projector can stop between two
LIVE_CACHE_BYTES = 2 * MIB  # page cache of a live read model; there are a handful, and the service stays small
BULK_CACHE_BYTES = 64 * MIB  # page cache of a read model while it is rebuilt, once
WAL_BYTES = 64 * MIB  # what is left of a write-ahead log that grew while a long reader held it
PORTION_BYTES = 512 * KIB  # log decoded at once: its objects fit the processor's cache (measured: 4 MiB is slower)
PORTIONS_KEPT = 3  # decoded portions that projectors at the same place share; memory = this times a few PORTION_BYTES
PARALLEL_BYTES = 32 * MIB  # a rebuild of less log than this is over before worker processes have started
WORKERS = 4  # worker processes of a rebuild; the fold, which is serial, cannot keep up with more
WORKER_CHUNKS = 2  # chunks in flight per worker: one being decoded, one waiting, so that no worker idles
REASON_CHARS = 500  # why an event is a dead letter
QUERY_ROWS = 100_000  # rows of one answer
QUERY_BYTES = 64 * MIB  # text and blobs of one answer, and of one value in it: rows alone do not bound memory
QUERY_SECONDS = 30.0  # one question; longer ones are for an analytics tool on a copy
GONE_BYTES = 1 * MIB  # what tells which keys left a memory: of a million, one in twenty is asked for in vain
PREVIEW_CHARS = 500  # preview of a tool result
INLINE_RESULT_BYTES = 10 * KIB  # larger tool results go to a file
SEARCH_CHARS = 64 * KIB  # of one text that search indexes: the rest of a huge result is rarely what is looked for

# --- reports -------------------------------------------------------------------------------------------------------
REPORTS_KEPT = 366  # reports made on a schedule that are kept: a year of daily ones, some 40 MB
REPORT_LOOK_SECONDS = 30.0  # how often it is looked whether one is due: a machine that slept is at most this late

# --- branches ------------------------------------------------------------------------------------------------------
BRANCH_RESULT_CHARS = (
    4_000  # of a tool's result in a branch's Markdown: it is read by an agent, and its window is small
)
BRANCH_SECONDS = 600.0  # all questions for one conversation: there is one per round, and a session may last for months
BRANCH_STREAMS = 200  # sessions and threads that can be chosen from; the newest, an older one is given by its id
MENU_CHECKPOINTS = 10  # shown in the recovery menu: the rest of 24 lines is for the keys and the branch
MENU_ROWS = 12  # of one page of what was said or found, for the same reason
RECENT_SECONDS = 300.0  # "lately", in the diagnostics of recovery
RECENT_EVENTS = 100_000  # events that are looked at for it: a second; past that the number says "at least"

# --- analytics -----------------------------------------------------------------------------------------------------
LOAD_LOOK_SECONDS = 5.0  # how often ended experiments are looked for when the log has grown: nobody waits for a copy
LOAD_IDLE_SECONDS = 60.0  # the same when it has not: an experiment that fell silent ends too
LOAD_SECONDS = 900.0  # one load; a million events take about a minute
LOAD_TRIES = 5  # failed loads of one experiment in a row: a database that is open elsewhere is free again by then
LOAD_RETRY_SECONDS = 30.0  # pause after the first failed load; doubles
LOAD_RETRY_MOST_SECONDS = 1_800.0  # longest pause between two of them
DUCKDB_BATCH_BYTES = 64 * MIB  # of rows on their way into DuckDB: one file that is there for a moment
DUCKDB_OBJECT_BYTES = 1 * MIB  # of one row, as DuckDB is told: it sets aside as much per thread; wider ones are told
EXPORT_MEMORY_BYTES = 512 * MIB  # what DuckDB may hold while it writes an export; the rest goes to a file beside it
EXPORT_ROWS = 4_096  # rows between two looks at the progress of an export

# --- the service ---------------------------------------------------------------------------------------------------
DRAIN_SECONDS = 20.0  # from a stop signal to the end: sources, writer, projectors, last checkpoint
CHECKPOINT_SECONDS = 300.0  # automatic checkpoints, when something happened
CHECKPOINT_PAGES = 4_096  # pages of a read model copied between two looks whether to give up: about 16 MB
LABEL_CHARS = 200  # a checkpoint's label
CHECKPOINTS_KEPT = 12  # automatic checkpoints kept; those with a label stay
WATCHED_PROCESSES = 1_000  # processes watched at once, the latest first; looking at that many takes some 25 ms
HELD_PROCESSES = 256  # of those, how many are held by a descriptor (of the usual 1,024); the others are looked at
START_TOLERANCE_SECONDS = 2.0  # between two readings of one start time: boot time is whole seconds, clocks are set
PROBE_SECONDS = 2.0  # how often watched processes are looked at where the kernel does not tell
RESTARTS = 5  # restarts of one actor within RESTART_SECONDS before the service gives up
RESTART_SECONDS = 60.0  # failures further apart than this are bad luck; closer ones are a fault that stays
BACKOFF_SECONDS = 0.1  # first pause before a restart; doubles up to BACKOFF_MOST_SECONDS
BACKOFF_MOST_SECONDS = 5.0  # so that all RESTARTS fit into the window, and a lasting fault is escalated
PROGRESS_SECONDS = 30.0  # an actor with work waiting and no progress for this long is unhealthy
HEARTBEAT_SECONDS = 30.0  # a beat through the whole pipeline: some 1 MB of log a day
CLOCK_LOOK_SECONDS = 5.0  # how often the two clocks are compared: a sleep is known this soon after it ended
CLOCK_JUMP_SECONDS = 5.0  # clocks that part by less are being adjusted, not set, and the machine did not sleep
FIGURES_SECONDS = 10.0  # how often read models are asked for figures, while somebody reads them: one scrape or two
FIGURE_FAMILIES, FIGURE_SERIES = 20, 50  # of one read model, and of one family: labels are chosen by the read model
HEALTH_SECONDS = 5.0  # how often health is looked at: often enough that PROGRESS_SECONDS means what it says

# --- the machine around it -----------------------------------------------------------------------------------------
OPENING_SECONDS = 60.0  # asked of systemd again and again while the log is opened: a lost index is built from all of it
SYSTEMCTL_SECONDS = 150.0  # one call of systemctl; a start waits for the log to be verified (TimeoutStartSec= 120)
DISK_WRONG_BYTES = 256 * MIB  # doctor: a few segments; below, the next busy hour finds the disk full
DISK_CAREFUL_BYTES = 2 * 1024 * MIB  # doctor: weeks of agents' work, and room for a rebuild beside the live read model
INODES_WRONG = 200  # doctor: new segments, generations and checkpoints need some dozens
INODES_CAREFUL = 5_000  # doctor: the same for some months
DOCTOR_FOLDERS = 50_000  # folders that doctor walks in one followed root: a second or two
CLOCK_SECONDS = 60.0  # how far in the future the newest event may seem: clocks are adjusted by seconds
CHECKPOINT_AGE_SECONDS = 2 * 86_400.0  # doctor: the service makes one every few minutes when something happens
VERIFY_AGE_SECONDS = 35 * 86_400.0  # doctor: the timer checks weekly; a month without is a timer that does not run
SILENT_SECONDS = 14 * 86_400.0  # doctor: a source that said nothing for longer than a holiday is worth a look
UNREAD_SECONDS = 60.0  # doctor: whole lines that were not read for so long are not being read
CLEANUP_DAYS = 30  # when Claude Code deletes a transcript that nobody changed, unless its settings say otherwise
CLEANUP_NOTICE_DAYS = 3  # doctor: transcripts that are deleted within so many days must be recorded by now
CONNECT_SECONDS = 2.0  # doctor: who does not answer on loopback within this does not answer

# --- the monitor ---------------------------------------------------------------------------------------------------
MONITOR_SECONDS = 1.0  # how often the screen looks whether something changed: one PRAGMA, and ages move by seconds
MONITOR_VERDICT_SECONDS = 10.0  # "stalled" follows from the clock: asked again this often though nothing has changed
MONITOR_ROWS = 2_000  # rows of one list on the screen: nobody scrolls further, and each costs a redraw
MONITOR_TEXT_CHARS = 100_000  # characters of one value on the screen: wrapping more takes longer than a key press
