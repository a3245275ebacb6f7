-- SPDX-License-Identifier: MIT
-- The trace's schema, and the one place where it is documented. A trace is a SQLite database with
-- application_id 0x54727A61 ('Trza') and user_version 1 (TRACE_VERSION in store.h).
--
-- Times are ticks since the recording's zero: ns = ticks * 1e9 / meta.ticks_per_second. Ids count from 1; 0 or NULL
-- means none. Everything needed to read a trace is in it: no binary, source file or debug information is consulted.
-- The events are in `chunk` (packed, see chunk.c); `trenza sql` and the loadable extension (.load libtrenza-sqlite) show
-- them as the table `event`, one row per event:
--   thread_id    thread.id
--   sequence     from 0 in each thread, in the order in which they happened there
--   ticks        as above; never decreases within a thread
--   time_ns      nanoseconds since the recording's zero
--   kind         'acquire', 'release' ...: the names and meanings are in event_list.h
--   subject      object.id; for events about threads a thread.id; block-begin and block-end: number of the system call
--                (blocking_list.h, from 1)
--   stack_id     stack.id
--   arg          event_list.h; NULL where it is told as the next two
--   mutex_id     cond-wait, cond-wake: object.id of the mutex
--   code         cond-wait: 1 when timed; cond-wake: 0 or the errno it returned
-- Ask for thread_id, ticks or time_ns where possible: only the chunks concerned are then unpacked.

-- Facts about the recording, by name: trenza_version, host, kernel, started_unix_ns, clock ('tsc'|'monotonic'),
-- ticks_per_second, duration_ticks, ended ('exit'|'signal'|'deadlock'|'timeout'|'interrupted'|''),
-- exit_status (of the main program, as a shell would say it), command_line (arguments, NUL between them shown as
-- JSON array), working_directory, complete ('1' when the recording was closed in order), on_full ('wait'|'drop'),
-- confirmed and not_confirmed (ids of the findings that steered re-runs reached or did not, blanks between),
-- events and lost (totals), recorder_cpu_us (processor time of the recorder, its search for names included), symbolized (1 once
-- addresses and locks have names), source ('std': not recorded but made by `trenza import`; locations are then frames
-- without a module, frame.offset being the number).
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- A program image: exec in the same process starts a new row.
CREATE TABLE process (
  id INTEGER PRIMARY KEY,
  pid INTEGER NOT NULL,         -- as the recorder saw it
  parent_id INTEGER,            -- process.id of the parent; NULL: outside the recording
  forked_by INTEGER,            -- thread.id that forked it; NULL: not by fork, or not known
  executable TEXT,              -- absolute path
  arguments TEXT,               -- JSON array of strings
  started_ticks INTEGER,
  ended_ticks INTEGER,          -- NULL: alive when the recording ended
  ended_how TEXT,               -- 'exit', 'exec', 'gone' (ended without saying so: a signal, _exit in a handler)
  exit_status INTEGER,          -- status & 255 where the process said so, 128+N for signal N where known
  threads_unrecorded INTEGER NOT NULL DEFAULT 0,
  objects_unrecorded INTEGER NOT NULL DEFAULT 0,
  stopped TEXT                  -- why recording stopped early; NULL: it did not
);

CREATE TABLE thread (
  id INTEGER PRIMARY KEY,
  process_id INTEGER NOT NULL,
  serial INTEGER NOT NULL,      -- the process's own number for it, in order of creation
  tid INTEGER NOT NULL,         -- kernel id, in the target's pid namespace
  name TEXT,                    -- as last set by the program; NULL: never
  start_frame INTEGER,          -- frame.id of the start routine, its address + 1; NULL: main thread, or not known
  creator_id INTEGER,           -- thread.id; NULL: not known, or the first
  create_stack INTEGER,         -- stack.id of the creating call
  started_ticks INTEGER,
  ended_ticks INTEGER,
  events INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0 -- events dropped because the ring was full
);

-- A lock, condition, barrier, semaphore or once control, during one generation of its memory.
CREATE TABLE object (
  id INTEGER PRIMARY KEY,
  process_id INTEGER NOT NULL,  -- the process that used it first
  kind TEXT NOT NULL,           -- 'mutex', 'rwlock', 'spinlock', 'cond', 'barrier', 'semaphore', 'once', 'variable'
  flags INTEGER NOT NULL,       -- enum object_flags in events.h
  address INTEGER NOT NULL,     -- in that process
  value INTEGER,                -- semaphore: initial value; barrier: count
  created_ticks INTEGER,
  created_by INTEGER,           -- thread.id
  create_stack INTEGER,         -- stack.id: the init call, or the first use
  ended_ticks INTEGER,
  ended_how TEXT,               -- 'destroyed', 'freed', 'unmapped', 'frame', 'unloaded', 'reinit', 'retyped', 'closed'
  module_id INTEGER,            -- the module whose data it is in; NULL: heap, stack or mapped memory
  module_offset INTEGER,        -- address - the module's bias
  shared_key TEXT,              -- process-shared: 'device:inode:offset'
  name TEXT                     -- from a data symbol ('accounts[3].lock'); NULL: tell it by where it was created
);

CREATE TABLE module (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  build_id TEXT                 -- lower-case hex; NULL: none
);

-- Where a module was loaded in a process.
CREATE TABLE mapping (
  id INTEGER PRIMARY KEY,
  process_id INTEGER NOT NULL,
  module_id INTEGER NOT NULL,
  start INTEGER NOT NULL,       -- addresses in the process
  end INTEGER NOT NULL,
  bias INTEGER NOT NULL,        -- address in memory - address in the file
  loaded_ticks INTEGER,
  unloaded_ticks INTEGER
);

-- A code address: equal in every process that loads the same module.
CREATE TABLE frame (
  id INTEGER PRIMARY KEY,
  module_id INTEGER,            -- NULL: code outside every module (generated code); offset is then the address
  offset INTEGER NOT NULL       -- return address - bias; look up offset - 1 for the call
);

-- What a frame is in the source: depth 0 is the innermost (inlined) function, the last depth the real one.
CREATE TABLE symbol (
  frame_id INTEGER NOT NULL,
  depth INTEGER NOT NULL,
  function TEXT,                -- demangled; NULL: not known
  function_offset INTEGER,      -- bytes from the start of the real function to the return address
  file TEXT,                    -- as the compiler wrote it, made absolute with the compilation directory
  line INTEGER,
  inlined INTEGER NOT NULL,     -- 1: a function inlined into the next depth
  PRIMARY KEY (frame_id, depth)
) WITHOUT ROWID;

CREATE TABLE stack (
  id INTEGER PRIMARY KEY,
  depth INTEGER NOT NULL,       -- frames
  truncated INTEGER NOT NULL DEFAULT 0, -- 1: there were more frames at the outer end, or only the call site was taken
  node_id INTEGER               -- stack_node.id of the innermost frame; NULL: no frames
);

-- Stacks share their outer frames: a stack is the path from its node to the outermost one.
CREATE TABLE stack_node (
  id INTEGER PRIMARY KEY,
  parent_id INTEGER,            -- stack_node.id of the caller, always the smaller number; NULL: outermost
  frame_id INTEGER NOT NULL
);

-- The same, spelled out: a row for every frame of every stack, position 0 innermost.
CREATE VIEW stack_frame(stack_id, position, frame_id) AS
  WITH RECURSIVE walk(stack_id, position, node_id) AS (
    SELECT id, 0, node_id FROM stack WHERE node_id IS NOT NULL
    UNION ALL
    SELECT stack_id, position + 1, parent_id FROM walk JOIN stack_node ON stack_node.id = walk.node_id
      WHERE parent_id IS NOT NULL)
  SELECT stack_id, position, frame_id FROM walk JOIN stack_node ON stack_node.id = walk.node_id;

-- The few source lines around each line that a symbol names.
CREATE TABLE source (
  file TEXT NOT NULL,
  line INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (file, line)
) WITHOUT ROWID;

-- The events, per thread in order of sequence. data: see chunk.c.
CREATE TABLE chunk (
  thread_id INTEGER NOT NULL,
  sequence INTEGER NOT NULL,    -- from 0 in each thread
  first_ticks INTEGER NOT NULL,
  last_ticks INTEGER NOT NULL,
  events INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (thread_id, sequence)
);

-- What the recorder saw happen while it happened (a deadlock, a time-out): the threads that waited, and for what.
CREATE TABLE incident (
  id INTEGER PRIMARY KEY,
  ticks INTEGER NOT NULL,
  what TEXT NOT NULL            -- 'deadlock', 'stuck', 'timeout', 'interrupted'
);
CREATE TABLE incident_thread (
  incident_id INTEGER NOT NULL,
  thread_id INTEGER NOT NULL,
  since_ticks INTEGER,          -- when it began to wait
  request TEXT NOT NULL,        -- name of the event that began the wait; '' when it did not wait
  object_id INTEGER,            -- what for; NULL: nothing, or a thread
  joined_id INTEGER,            -- the thread it waits to join
  stack_id INTEGER,
  in_cycle INTEGER NOT NULL,    -- 1: part of the deadlock, or of what is stuck
  PRIMARY KEY (incident_id, thread_id)
) WITHOUT ROWID;
-- What each of these threads held then; of semaphores, permits taken and not given back.
CREATE TABLE incident_hold (
  incident_id INTEGER NOT NULL,
  thread_id INTEGER NOT NULL,
  position INTEGER NOT NULL,    -- in order of acquisition
  object_id INTEGER NOT NULL,
  since_ticks INTEGER,
  stack_id INTEGER,             -- where it was acquired
  shared INTEGER NOT NULL,      -- 1: as a reader
  PRIMARY KEY (incident_id, thread_id, position)
) WITHOUT ROWID;

-- What was not recorded, and why. Of a program, process_id's own or one that it started: 'static', 'setuid' (also file
-- capabilities), 'foreign' (another machine's), 'out-of-reach' (it cannot get at the recorder), 'environment' (it
-- began without us in its environment), 'not-followed' (it did not come, nobody knows why). Of all: 'no-session' (no process came to the recorder), 'no-memory' (one came and could not be
-- given any). Of a process: 'stopped', 'lost-events', 'damaged-events', 'threads', 'objects',
-- 'module-changed' (a file is no longer what was traced), 'hidden' (a thread seemed stuck and could not be looked at).
-- Of none: 'not-ended' (who was to be ended with the program, and could not be).
CREATE TABLE coverage (
  id INTEGER PRIMARY KEY,
  process_id INTEGER,
  what TEXT NOT NULL,
  detail TEXT
);

-- The findings of the last check, whole, as the JSON report has them.
CREATE TABLE finding (
  id TEXT PRIMARY KEY,
  rule TEXT NOT NULL,
  verdict TEXT,
  level TEXT NOT NULL,
  message TEXT NOT NULL,
  json TEXT NOT NULL
) WITHOUT ROWID;
