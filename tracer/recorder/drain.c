// SPDX-License-Identifier: MIT
// The drain thread. A round goes over all rings. Then it rests: while events come fast, for about as long as a third of the
// busiest ring needs to fill, without a word to the targets; otherwise on the doorbell, which they ring when a quarter of a
// ring has been filled. So an idle program costs some thirty short rounds a second, and a busy one is drained in large
// gulps, without a system call on its side. Everything that touches the trace happens here, between rounds, so a slow disk slows the
// targets down when their rings are full, and memory stays bounded.
#include "drain.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "apply.h"
#include "incident.h"
#include "objects.h"
#include "threads.h"

#define BUSY_SLOTS (WIRE_RING_EVENTS / 8) // a ring fuller than this is no reason to sleep
#define GULP_SLOTS 4096u                  // at most so many slots before a waiting target is let go on
#define SLEEP_NS (30 * 1000000)
#define NAP_MIN_NS 20000   // shorter ones would take longer than they are
#define NAP_MAX_NS 2000000 // so long a target may have to wait when it suddenly becomes faster
#define LOOK_NS (100 * 1000000)
#define COMMIT_NS 1000000000

enum message_kind { ADD_PROCESS, ADD_SEGMENT, END_PROCESS, WRITE_INCIDENT, ADD_COVERAGE, ADD_UNSEEN, FINISH };

struct message {
    enum message_kind kind;
    struct process *process;
    struct segment *segment;
    uint32_t own_pid;
    int status;
    bool exec;
    struct wire_notice *notice;
    char *text;
    char *detail;
};

// --- rings ---

static void let_go_on(struct ring *ring, uint64_t tail)
{
    atomic_store_explicit(&ring->control->tail, tail, memory_order_release);
    // Pairs with the target, which sets waiting and then looks at tail again.
    atomic_thread_fence(memory_order_seq_cst);
    if (G_UNLIKELY(atomic_load_explicit(&ring->control->waiting, memory_order_relaxed))) {
        atomic_store(&ring->control->waiting, 0);
        futex_wake(&ring->control->waiting);
    }
}

static void give_up(struct ring *ring)
{
    ring->damaged = true;
    ring->process->damaged_events++;
}

// Returns how many slots were filled when it was looked at; 0 when none of them could be taken.
static uint64_t drain_ring(struct recording *recording, struct ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->control->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->control->head, memory_order_acquire);
    uint64_t filled = head - tail;
    if (filled == 0 || ring->damaged)
        return 0;
    if (filled > WIRE_RING_EVENTS) {
        give_up(ring);
        return 0;
    }
    const uint64_t first = tail;
    while (tail != head) {
        uint64_t end = head - tail > GULP_SLOTS ? tail + GULP_SLOTS : head;
        uint64_t next = apply_events(recording, ring, tail, end);
        // A payload that crosses the gulp's end needs a longer gulp; one that crosses the head is not all there yet.
        if (next == tail)
            next = apply_events(recording, ring, tail, head);
        if (next == tail)
            break;
        tail = next;
        let_go_on(ring, tail);
    }
    return tail == first ? 0 : filled;
}

static void know_rings(struct process *process, struct segment *segment, uint32_t used)
{
    uint8_t *slots = (uint8_t *)segment->shared + WIRE_SEGMENT_HEADER;
    for (; segment->slots_known < used; segment->slots_known++) {
        uint8_t *slot = slots + (size_t)segment->slots_known * WIRE_SLOT_BYTES;
        if (segment->slots_known % RING_BLOCK == 0)
            segment->rings[segment->slots_known / RING_BLOCK] = g_new(struct ring, RING_BLOCK);
        *segment_ring(segment, segment->slots_known) = (struct ring){
            .control = (struct wire_ring *)slot,
            .slots = (const union wire_slot *)(slot + WIRE_PAGE),
            .process = process,
        };
    }
}

uint64_t drain_process(struct recording *recording, struct process *process)
{
    uint64_t fullest = 0;
    process_find_segment(process);
    for (struct segment *segment = process->segments; segment; segment = segment->next) {
        uint32_t used = atomic_load_explicit(&segment->shared->slots_used, memory_order_acquire);
        used = MIN(used, segment->slots);
        if (used > segment->slots_known)
            know_rings(process, segment, used);
        for (uint32_t i = 0; i < used; i++) {
            uint64_t filled = drain_ring(recording, segment_ring(segment, i));
            fullest = MAX(fullest, filled);
        }
    }
    return fullest;
}

static uint64_t fullest_ring(const struct process *process)
{
    uint64_t fullest = 0;
    for (const struct segment *segment = process->segments; segment; segment = segment->next)
        for (uint32_t i = 0; i < segment->slots_known; i++) {
            const struct wire_ring *control = segment_ring(segment, i)->control;
            uint64_t filled = atomic_load_explicit(&control->head, memory_order_relaxed) -
                              atomic_load_explicit(&control->tail, memory_order_relaxed);
            if (!segment_ring(segment, i)->damaged)
                fullest = MAX(fullest, filled);
        }
    return fullest;
}

// Events that were dropped after the last LOST event of a ring.
static void count_last_losses(struct recording *recording, struct process *process)
{
    for (struct segment *segment = process->segments; segment; segment = segment->next)
        for (uint32_t i = 0; i < segment->slots_known; i++) {
            struct ring *ring = segment_ring(segment, i);
            uint64_t lost = atomic_load_explicit(&ring->control->lost, memory_order_relaxed);
            if (lost <= ring->lost_told)
                continue;
            lost -= ring->lost_told;
            ring->lost_told += lost;
            process->lost += lost;
            recording->lost += lost;
            if (ring->thread)
                ring->thread->lost += lost;
        }
}

// Nobody drains these rings any more.
static void release_waiting(struct process *process)
{
    for (struct segment *segment = process->segments; segment; segment = segment->next)
        for (uint32_t i = 0; i < segment->slots_known; i++)
            if (atomic_exchange(&segment_ring(segment, i)->control->waiting, 0))
                futex_wake(&segment_ring(segment, i)->control->waiting);
}

// What a child says in its cradle counts where it has said nothing in its ring.
static uint64_t ended_at(struct recording *recording, struct process *process)
{
    uint64_t now = clock_ticks(&recording->session->clock);
    uint32_t said = process->cradle ? atomic_load(&process->cradle->exit_said) : 0;
    if (said && process->exit_said < 0)
        process->exit_said = said - 1;
    if (!process->cradle)
        return now;
    uint64_t exited = said ? atomic_load(&process->cradle->exited_ticks) : now;
    uint64_t ended = CLAMP(exited, (uint64_t)process->started_ticks, now);
    return threads_put_silent(recording, process, ended) ? ended : now;
}

static const char *how_it_ended(const struct process *process)
{
    if (process->exec_followed || process->execs)
        return "exec";
    bool by_itself = process->exit_said >= 0 || (process->exit_seen >= 0 && process->exit_seen < 128);
    return by_itself ? "exit" : "gone";
}

void drain_close_process(struct recording *recording, struct process *process)
{
    while (drain_process(recording, process) > 0 && process->over)
        ;
    process_poll_modules(recording, process);
    count_last_losses(recording, process);
    uint64_t now = ended_at(recording, process);
    objects_close(recording, process, now);
    threads_close(recording, process, now);
    process_put(
        recording, process, process->over ? (int64_t)now : -1, process->over ? how_it_ended(process) : NULL);
    process_put_coverage(recording, process);
    release_waiting(process);
}

// --- messages ---

// Every message wakes the drain thread. Left until it looks by itself, a child that has come and gone meanwhile is drained
// after its parent has ended and begun again what both shared, and its events are taken for those of the lock's next
// generation (owner_death among the tests).
static void post(struct drain *drain, struct message message)
{
    pthread_mutex_lock(&drain->lock);
    g_queue_push_tail(&drain->messages, g_memdup2(&message, sizeof message));
    atomic_store(&drain->has_messages, true);
    pthread_mutex_unlock(&drain->lock);
    session_ring_doorbell(drain->recording.session);
}

static struct message *take_message(struct drain *drain)
{
    if (!atomic_load_explicit(&drain->has_messages, memory_order_relaxed))
        return NULL;
    pthread_mutex_lock(&drain->lock);
    struct message *message = g_queue_pop_head(&drain->messages);
    atomic_store(&drain->has_messages, !g_queue_is_empty(&drain->messages));
    pthread_mutex_unlock(&drain->lock);
    return message;
}

void drain_add_process(struct drain *drain, struct process *process, uint32_t own_pid)
{
    recording_note_pid(&drain->recording, own_pid, process->pid);
    post(drain, (struct message){ .kind = ADD_PROCESS, .process = process, .own_pid = own_pid });
}

void drain_add_segment(struct drain *drain, struct process *process, struct segment *segment)
{
    post(drain, (struct message){ .kind = ADD_SEGMENT, .process = process, .segment = segment });
}

void drain_end_process(struct drain *drain, struct process *process, int status, bool exec)
{
    post(drain, (struct message){ .kind = END_PROCESS, .process = process, .status = status, .exec = exec });
}

void drain_write_incident(struct drain *drain, const char *what)
{
    post(drain, (struct message){ .kind = WRITE_INCIDENT, .text = g_strdup(what) });
}

void drain_add_coverage(struct drain *drain, const char *what, const char *detail)
{
    post(drain, (struct message){ .kind = ADD_COVERAGE, .text = g_strdup(what), .detail = g_strdup(detail) });
}

void drain_add_unseen(struct drain *drain, const struct wire_notice *notice)
{
    post(drain, (struct message){ .kind = ADD_UNSEEN, .notice = g_memdup2(notice, sizeof *notice) });
}

static void notify(struct drain *drain, enum drain_notice notice)
{
    atomic_fetch_or(&drain->notices, notice);
    uint64_t one = 1;
    while (write(drain->notice_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

struct newborn {
    pid_t pid;
    pid_t parent;
    struct process *process;
};

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

static void watch_newborn(struct drain *drain, struct process *process, pid_t pid, pid_t parent)
{
    struct newborn *newborn = g_new(struct newborn, 1);
    *newborn = (struct newborn){ pid, parent, process };
    pthread_mutex_lock(&drain->lock);
    g_queue_push_tail(&drain->newborn, newborn);
    pthread_mutex_unlock(&drain->lock);
}

// A parent may be among them, so all are there before any is over. What is posted is the drain thread's.
static void are_born(void *data, struct process *const *processes, unsigned n)
{
    struct drain *drain = data;
    struct newborn facts[WIRE_CRADLES];
    bool said[WIRE_CRADLES];
    for (unsigned i = 0; i < n; i++) {
        struct process *process = processes[i];
        facts[i] = (struct newborn){ process->pid, (pid_t)process->parent_pid, process };
        said[i] = atomic_load(&process->cradle->exit_said) != 0;
        drain_add_process(drain, process, (uint32_t)process->pid);
    }
    // Most have come and gone since somebody looked, and need not be watched.
    for (unsigned i = 0; i < n; i++)
        if (said[i] && is_gone(facts[i].pid))
            drain_end_process(drain, facts[i].process, -1, false);
        else
            watch_newborn(drain, facts[i].process, facts[i].pid, facts[i].parent);
}

void drain_look_for_births(struct drain *drain)
{
    if (nursery_look(&drain->nursery, are_born, drain))
        notify(drain, DRAIN_BORN);
}

pid_t drain_take_newborn(struct drain *drain, struct process **ret_process, pid_t *ret_parent)
{
    pthread_mutex_lock(&drain->lock);
    struct newborn *newborn = g_queue_pop_head(&drain->newborn);
    pthread_mutex_unlock(&drain->lock);
    if (!newborn)
        return 0;
    pid_t pid = newborn->pid;
    *ret_process = newborn->process;
    *ret_parent = newborn->parent;
    g_free(newborn);
    return pid;
}

static void add_unseen(struct drain *drain, const struct wire_notice *notice)
{
    struct process *process = family_find(&drain->family, notice->hello.pid);
    if (process && !process->execs) {
        process->execs = true;
        process->next.unseen = (enum wire_unseen)notice->unseen;
        memcpy(process->next.name, notice->name, sizeof process->next.name - 1);
    }
    if (process)
        return;
    recording_add_spawned(&drain->recording, notice->hello.pid,
        family_id(&drain->family, notice->hello.parent_pid), (enum wire_unseen)notice->unseen, notice->name);
}

static void end_process(struct drain *drain, struct process *process, int status, bool exec)
{
    process->over = true;
    process->exec_followed = exec;
    process->exit_seen = status;
    drain_close_process(&drain->recording, process);
    family_remove(&drain->family, process);
    process_free(process);
}

static void drain_all(struct drain *drain)
{
    for (guint i = 0; i < drain->family.processes->len; i++)
        drain_process(&drain->recording, drain->family.processes->pdata[i]);
}

static bool has_events(const struct process *process)
{
    return !process->cradle || atomic_load(&process->cradle->used);
}

static void handle(struct drain *drain, struct message *message)
{
    struct recording *recording = &drain->recording;
    switch (message->kind) {
    case ADD_PROCESS:
        family_add(&drain->family, recording, message->process, message->own_pid);
        break;
    case ADD_SEGMENT:
        process_add_segment(message->process, message->segment);
        break;
    case END_PROCESS:
        // A short-lived child may have come and gone since the last round: what its parent did before comes first, the making
        // of a lock that both share, above all.
        if (has_events(message->process))
            drain_all(drain);
        end_process(drain, message->process, message->status, message->exec);
        break;
    case WRITE_INCIDENT:
        drain_all(drain);
        incident_write(recording, drain->family.processes, message->text);
        notify(drain, DRAIN_WRITTEN);
        break;
    case ADD_COVERAGE:
        WRITER_PUT(&recording->writer, store_put_coverage, 0, message->text, message->detail);
        break;
    case ADD_UNSEEN:
        add_unseen(drain, message->notice);
        break;
    case FINISH:
        drain->finishing = true;
        break;
    }
    g_free(message->notice);
    g_free(message->text);
    g_free(message->detail);
    g_free(message);
}

// --- the thread ---

static void commit(struct drain *drain)
{
    struct recording *recording = &drain->recording;
    for (guint i = 0; i < drain->family.processes->len; i++) {
        struct process *process = drain->family.processes->pdata[i];
        if (process->unwritten)
            process_put(recording, process, -1, NULL);
        process_poll_modules(recording, process);
        threads_flush(recording, process);
    }
    objects_flush(recording);
    objects_forget_places(recording);
    WRITER_PUT(&recording->writer, store_set_number, "ticks_per_second",
        clock_ticks_per_second(&recording->session->clock));
    WRITER_PUT(&recording->writer, store_set_number, "duration_ticks",
        (int64_t)clock_ticks(&recording->session->clock));
    if (!recording->writer.failed)
        writer_note(&recording->writer, store_commit(recording->writer.store));
}

static void keep_house(struct drain *drain)
{
    int64_t now_ns = clock_now_ns();
    if (now_ns >= drain->next_look_ns) {
        drain->next_look_ns = now_ns + LOOK_NS;
        if (incident_look(&drain->recording, drain->family.processes))
            notify(drain, DRAIN_DEADLOCK);
    }
    if (now_ns >= drain->next_commit_ns) {
        commit(drain);
        drain->next_commit_ns = clock_now_ns() + COMMIT_NS;
    }
}

static bool anything_to_do(const struct drain *drain)
{
    if (atomic_load(&drain->has_messages))
        return true;
    if (nursery_has_news(&drain->nursery))
        return true;
    for (guint i = 0; i < drain->family.processes->len; i++)
        if (fullest_ring(drain->family.processes->pdata[i]) > BUSY_SLOTS)
            return true;
    return false;
}

static void sleep_on_doorbell(struct drain *drain)
{
    struct wire_session *page = drain->recording.session->page;
    uint32_t rung = atomic_load(&page->doorbell);
    atomic_store(&page->sleeping, 1);
    if (!anything_to_do(drain))
        futex_wait(&page->doorbell, rung, SLEEP_NS);
    atomic_store(&page->sleeping, 0);
}

// How long a third of a ring takes to fill, if events go on coming as they did: `filled` slots since the last round.
static int64_t time_to_fill(struct drain *drain, uint64_t filled)
{
    int64_t now_ns = clock_now_ns();
    int64_t since_ns = now_ns - drain->last_round_ns;
    drain->last_round_ns = now_ns;
    return filled ? since_ns * (int64_t)(WIRE_RING_EVENTS / 3) / (int64_t)filled : INT64_MAX;
}

static void rest(struct drain *drain, uint64_t filled)
{
    int64_t ns = time_to_fill(drain, filled);
    if (ns > NAP_MAX_NS) {
        sleep_on_doorbell(drain);
    } else if (ns > NAP_MIN_NS) {
        struct timespec pause = { 0, ns };
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
}

// Children that were begun and never said hello: static or setuid programs, or ones that could not load the preload.
static void tell_who_did_not_come(struct drain *drain)
{
    GHashTableIter iter;
    gpointer pid, value;
    g_hash_table_iter_init(&iter, drain->recording.spawned);
    while (g_hash_table_iter_next(&iter, &pid, &value)) {
        const struct spawned *spawned = value;
        if (!family_id(&drain->family, GPOINTER_TO_UINT(pid)))
            spawned_put_coverage(&drain->recording, spawned, "was started");
    }
}

// Children nobody has heard of yet, and ends of which the main thread has not told.
static void look_for_last_births(struct drain *drain)
{
    struct message *message;
    drain_look_for_births(drain);
    while ((message = take_message(drain)))
        handle(drain, message);
    for (guint i = 0; i < drain->family.processes->len; i++) {
        struct process *process = drain->family.processes->pdata[i];
        process->over = process->cradle && is_gone(process->pid);
    }
}

static void finish(struct drain *drain)
{
    session_announce_end(drain->recording.session);
    look_for_last_births(drain);
    for (guint i = 0; i < drain->family.processes->len; i++) {
        drain_close_process(&drain->recording, drain->family.processes->pdata[i]);
        process_free(drain->family.processes->pdata[i]);
    }
    g_ptr_array_set_size(drain->family.processes, 0);
    tell_who_did_not_come(drain);
    objects_flush(&drain->recording);
}

static void *run(void *data)
{
    struct drain *drain = data;
    pthread_setname_np(pthread_self(), "drain");
    prctl(PR_SET_TIMERSLACK, 1000); // short naps are meant to be short
    while (!drain->finishing) {
        struct message *message;
        drain_look_for_births(drain);
        while (!drain->finishing && (message = take_message(drain)))
            handle(drain, message);
        uint64_t fullest = 0;
        for (guint i = 0; i < drain->family.processes->len; i++) {
            uint64_t filled = drain_process(&drain->recording, drain->family.processes->pdata[i]);
            fullest = MAX(fullest, filled);
        }
        keep_house(drain);
        if (!drain->finishing)
            rest(drain, fullest);
    }
    finish(drain);
    return NULL;
}

bool drain_start(struct drain *drain, struct store *store, struct session *session)
{
    *drain = (struct drain){
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .messages = G_QUEUE_INIT,
        .newborn = G_QUEUE_INIT,
        .notice_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
    };
    recording_init(&drain->recording, store, session);
    family_init(&drain->family);
    nursery_init(&drain->nursery, session);
    int failure = drain->notice_fd < 0 ? errno : pthread_create(&drain->thread, NULL, run, drain);
    if (failure == 0)
        return true;
    drain_done(drain);
    errno = failure;
    return false;
}

void drain_finish(struct drain *drain)
{
    post(drain, (struct message){ .kind = FINISH });
    pthread_join(drain->thread, NULL);
}

void drain_done(struct drain *drain)
{
    recording_done(&drain->recording);
    family_done(&drain->family);
    g_queue_clear_full(&drain->newborn, g_free);
    nursery_done(&drain->nursery);
    pthread_mutex_destroy(&drain->lock);
    if (drain->notice_fd >= 0)
        close(drain->notice_fd);
    *drain = (struct drain){ .notice_fd = -1 };
}
