// SPDX-License-Identifier: MIT
// Which lock is at an address now: see object.h for the structure.
//
// Uniqueness without a lock: a node is pushed at a bucket's head by compare-and-swap, and the loser of a race looks again
// from the new head; a generation begins by compare-and-swap on the node's word, and the loser uses the winner's.
//
// Blind: a lock in a frame that was left and entered again from the very same place, without any event of the thread
// from a shallower frame in between, keeps its generation. Memory given back by an allocator that does not call free()
// ends its locks only when they are initialised again.
#include "object.h"
#include "shared_place.h"

#include <string.h>

#define BUCKETS (1u << 18)
#define NODES (1u << 22)
#define NODES_SMALL (1u << 16) // where address space is limited
#define NODES_SPARE (1u << 14) // left when memory is locked; whole pages of them
#define PAGE_COUNTS (1u << 16)
#define LINE_COUNTS (1u << 18)

// Wiped in the child of a fork, like the nodes: all zero is an empty table.
struct object_table {
    _Atomic uint32_t nodes_used;
    _Atomic uint32_t ever_alive; // 1: there has been an object. Not a count, which all threads would write to
    _Atomic uint32_t buckets[BUCKETS];
    // Live objects by page and by cache line, hashed. Of a line also where in it they may be: a bit for each four bytes, above
    // the count.
    _Atomic uint32_t page_counts[PAGE_COUNTS];
    _Atomic uint64_t line_counts[LINE_COUNTS];
};

#define LINE_COUNT_MASK UINT64_C(0xffffffff)
#define LINE_PLACE(address) (UINT64_C(1) << (32 + ((address) >> 2 & 15)))

static struct object_table *table;
static struct object_node *nodes; // [0] is never used: index 0 means none
static uint32_t nodes_max;

// Threads are kept beside the objects; their descriptors' addresses are even, so an odd key is theirs alone.
#define KIND_THREAD 0xff
#define WORD_COUNTED ((uint64_t)(OBJECT_WORD_ALIVE | OBJECT_WORD_DESTROYED))
#define THREAD_KEY(handle) ((uintptr_t)(handle) | 1)

static void *private_memory(size_t size)
{
    void *memory = sys_mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_is_error(memory))
        return NULL;
    if (!sys_private_to_process(memory, size)) {
        SYS3(SYS_munmap, memory, size, 0);
        return NULL;
    }
    return memory;
}

bool object_table_setup(void)
{
    if (table != NULL)
        return true;
    nodes_max = NODES;
    nodes = private_memory(NODES * sizeof(struct object_node));
    if (nodes == NULL) {
        nodes_max = NODES_SMALL;
        nodes = private_memory(NODES_SMALL * sizeof(struct object_node));
    }
    if (nodes != NULL)
        table = private_memory(sizeof *table);
    return table != NULL;
}

void object_table_shrink(void)
{
    if (table == NULL)
        return;
    const uint32_t keep = (atomic_load(&table->nodes_used) + NODES_SPARE) & ~(NODES_SPARE - 1);
    if (keep >= nodes_max)
        return;
    const size_t bytes = (nodes_max - keep) * sizeof(struct object_node);
    nodes_max = keep;
    SYS3(SYS_munmap, &nodes[keep], bytes, 0);
}

static uint32_t hash_address(uintptr_t address)
{
    return (uint32_t)((address * UINT64_C(0x9E3779B97F4A7C15)) >> 40);
}

// What lies side by side is counted side by side, for whoever goes over a range; threads' stacks, at the same distance each, are
// not all counted in one place.
static uint32_t neighbourly(uintptr_t number, uint32_t counts)
{
    return (uint32_t)(number + number / counts * 0x9E3779B1u) % counts;
}

static _Atomic uint32_t *page_count(uintptr_t address)
{
    return &table->page_counts[neighbourly(address >> 12, PAGE_COUNTS)];
}

static _Atomic uint64_t *line_count(uintptr_t address)
{
    return &table->line_counts[neighbourly(address >> 6, LINE_COUNTS)];
}

static struct object_node *find_node(uintptr_t address, uint32_t head, uint32_t end)
{
    for (uint32_t at = head; at != end; at = nodes[at].next)
        if (nodes[at].address == address)
            return &nodes[at];
    return NULL;
}

// The node for an address, made when `create`. NULL: none, or no room.
static struct object_node *node_at(uintptr_t address, bool create)
{
    if (table == NULL)
        return NULL;
    _Atomic uint32_t *bucket = &table->buckets[hash_address(address) % BUCKETS];
    uint32_t head = atomic_load_explicit(bucket, memory_order_acquire);
    struct object_node *node = find_node(address, head, 0);
    if (node != NULL || !create)
        return node;
    if (atomic_load_explicit(&table->nodes_used, memory_order_relaxed) + 1 >= nodes_max)
        return NULL;
    const uint32_t fresh = atomic_fetch_add(&table->nodes_used, 1) + 1;
    if (fresh >= nodes_max)
        return NULL;
    nodes[fresh].address = address;
    for (;;) {
        const uint32_t seen = head;
        nodes[fresh].next = head;
        if (atomic_compare_exchange_strong_explicit(
                bucket, &head, fresh, memory_order_release, memory_order_acquire))
            return &nodes[fresh];
        // Somebody pushed first; it may have been this very address. Our fresh node is then left unused: rare.
        node = find_node(address, head, seen);
        if (node != NULL)
            return node;
    }
}

static void count_born(uintptr_t address)
{
    if (atomic_load_explicit(&table->ever_alive, memory_order_relaxed) == 0)
        atomic_store_explicit(&table->ever_alive, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(page_count(address), 1, memory_order_relaxed);
    _Atomic uint64_t *line = line_count(address);
    uint64_t seen = atomic_load_explicit(line, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(
        line, &seen, (seen + 1) | LINE_PLACE(address), memory_order_relaxed, memory_order_relaxed))
        ;
}

// The places are forgotten with the last object: another one may have been in the same.
static void count_gone(uintptr_t address)
{
    atomic_fetch_sub_explicit(page_count(address), 1, memory_order_relaxed);
    _Atomic uint64_t *line = line_count(address);
    uint64_t seen = atomic_load_explicit(line, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(line, &seen, (seen & LINE_COUNT_MASK) == 1 ? 0 : seen - 1,
        memory_order_relaxed, memory_order_relaxed))
        ;
}

// --- objects in stack frames ---

static struct thread *thread_with_stack_at(struct thread *self, uintptr_t address)
{
    if (address >= self->stack_low && address < self->stack_high)
        return self;
    const uint32_t segments = atomic_load(&process->segments_used);
    for (uint32_t s = 0; s < segments; s++) {
        struct process_segment *segment = &process->segments[s];
        const uint32_t used = atomic_load(&segment->shared->slots_used);
        for (uint32_t i = 0; i < used && i < segment->slots; i++) {
            struct thread *thread = atomic_load(&segment->threads[i]);
            if (thread != NULL && address >= thread->stack_low && address < thread->stack_high)
                return thread;
        }
    }
    return NULL;
}

static void lower_to(_Atomic uintptr_t *lowest, uintptr_t address)
{
    uintptr_t seen = atomic_load(lowest);
    while (address < seen && !atomic_compare_exchange_weak(lowest, &seen, address))
        ;
}

static void stack_list_push(struct thread *owner, struct object_node *node)
{
    if (atomic_exchange(&node->listed, 1) == 0) {
        struct object_node *head = atomic_load(&owner->stack_objects);
        do
            node->stack_next = head;
        while (!atomic_compare_exchange_weak(&owner->stack_objects, &head, node));
    }
    lower_to(&owner->lowest_stack_object, node->address);
}

static void end_node(struct thread *thread, struct object_node *node, enum wire_object_end why)
{
    uint64_t word = atomic_load(&node->word);
    while (word & WORD_COUNTED) {
        if ((word >> 8 & 0xff) == KIND_THREAD)
            return;
        if (atomic_compare_exchange_weak(&node->word, &word, word & ~(uint64_t)WORD_COUNTED)) {
            count_gone(node->address);
            if (word & OBJECT_WORD_ALIVE)
                event_emit(thread, EVENT_OBJECT_END, (uint32_t)(word >> 32), 0, (uint16_t)why);
            return;
        }
    }
}

void stack_objects_expire(struct thread *thread, uintptr_t sp)
{
    if (sp < thread->stack_low || sp > thread->stack_high)
        return; // on another stack (sigaltstack, coroutine): says nothing about the frames of this one
    uint64_t mask;
    sys_block_signals(&mask);
    atomic_store(&thread->lowest_stack_object, UINTPTR_MAX);
    struct object_node *node = atomic_exchange(&thread->stack_objects, NULL);
    while (node != NULL) {
        struct object_node *next = node->stack_next;
        atomic_store(&node->listed, 0);
        if (node->address < sp)
            end_node(thread, node, WIRE_END_FRAME);
        else if (atomic_load(&node->word) & WORD_COUNTED)
            stack_list_push(thread, node);
        node = next;
    }
    sys_restore_signals(&mask);
}

// --- what an object is, read from glibc's own structures ---

#define MUTEX_DESTROYED (-1) // glibc marks it by an impossible kind

// Of the bits of __kind some are used by no mutex, some exclude each other.
static bool mutex_is_possible(const pthread_mutex_t *mutex)
{
    const int kind = mutex->__data.__kind, known = 0x3ff & ~12, both_protocols = 32 | 64;
    return !(kind & ~known) && (kind & both_protocols) != both_protocols;
}

static uint32_t mutex_flags(const pthread_mutex_t *mutex)
{
    const int kind = mutex->__data.__kind;
    uint32_t flags = 0;
    if (!mutex_is_possible(mutex))
        return 0;
    switch (kind & 3) {
    case PTHREAD_MUTEX_RECURSIVE_NP:
        flags = OBJECT_RECURSIVE;
        break;
    case PTHREAD_MUTEX_ERRORCHECK_NP:
        flags = OBJECT_ERRORCHECK;
        break;
    case PTHREAD_MUTEX_ADAPTIVE_NP:
        flags = OBJECT_ADAPTIVE;
        break;
    default:
        break;
    }
    // Bits of __kind that glibc's headers do not name.
    if (kind & 16)
        flags |= OBJECT_ROBUST;
    if (kind & 32)
        flags |= OBJECT_PRIO_INHERIT;
    if (kind & 64)
        flags |= OBJECT_PRIO_PROTECT;
    if (kind & 128)
        flags |= OBJECT_PROCESS_SHARED;
    return flags;
}

static uint32_t flags_of(const void *address, enum object_kind kind)
{
    switch (kind) {
    case OBJECT_MUTEX:
        return mutex_flags(address);
    case OBJECT_RWLOCK: {
        const pthread_rwlock_t *rwlock = address;
        return (rwlock->__data.__shared ? OBJECT_PROCESS_SHARED : 0) |
               (rwlock->__data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP ? OBJECT_PREFER_WRITER
                                                                                       : 0);
    }
    case OBJECT_COND:
        return ((const pthread_cond_t *)address)->__data.__wrefs & 1 ? OBJECT_PROCESS_SHARED : 0;
    case OBJECT_BARRIER:
        return ((const int *)address)[3] ? OBJECT_PROCESS_SHARED : 0; // in, round, count, shared, out
    case OBJECT_SEMAPHORE:
        return ((const int *)address)[2] ? OBJECT_PROCESS_SHARED : 0; // 64 bits of value and waiters, private
    default:
        return 0;
    }
}

// Locked, and nobody has locked it here: its parent's, or a copy of another one.
static uint32_t taken_flags(void)
{
    return process->forked ? OBJECT_TAKEN : OBJECT_TAKEN | OBJECT_UNINITIALISED;
}

static uint32_t mutex_flags_at_first_use(const pthread_mutex_t *mutex)
{
    const int robust_or_shared = 16 | 128;
    if (mutex->__data.__kind == MUTEX_DESTROYED)
        return OBJECT_DESTROYED;
    if (!mutex_is_possible(mutex))
        return OBJECT_UNINITIALISED;
    return mutex->__data.__owner != 0 && !(mutex->__data.__kind & robust_or_shared) ? taken_flags() : 0;
}

// What is odd about an object that is used without an init call that we saw. word: of its node, before.
static uint32_t flags_at_first_use(const void *address, enum object_kind kind, uint64_t word, uint32_t flags)
{
    const bool was_destroyed = word & OBJECT_WORD_DESTROYED && (word >> 8 & 0xff) == kind;
    switch (kind) {
    case OBJECT_MUTEX:
        return mutex_flags_at_first_use(address);
    case OBJECT_COND: // a destroyed one is marked in its memory, so one built anew in its place is told from it
        return ((const pthread_cond_t *)address)->__data.__wrefs & 4 ? OBJECT_DESTROYED : 0;
    case OBJECT_RWLOCK: {
        const pthread_rwlock_t *rwlock = address;
        const bool taken = rwlock->__data.__cur_writer != 0 || rwlock->__data.__readers >> 3 != 0;
        // Destroying changes nothing in it; where all is zero it may have been given its static initialiser again.
        const bool fresh = rwlock->__data.__readers == 0 && rwlock->__data.__wrphase_futex == 0;
        return (was_destroyed && !fresh ? OBJECT_DESTROYED : 0) |
               (taken && !(flags & OBJECT_PROCESS_SHARED) ? taken_flags() : 0);
    }
    case OBJECT_BARRIER:
    case OBJECT_SEMAPHORE:
    case OBJECT_SPINLOCK: // these have no static initialiser
        if (was_destroyed)
            return OBJECT_DESTROYED;
        if (kind == OBJECT_SPINLOCK && process->forked && *(const int *)address != 1) // 1: free
            return OBJECT_TAKEN;
        return flags & (OBJECT_PROCESS_SHARED | OBJECT_NAMED) || process->forked ? 0 : OBJECT_UNINITIALISED;
    default:
        return 0;
    }
}

static uint64_t value_of(const void *address, enum object_kind kind)
{
    if (kind == OBJECT_SEMAPHORE)
        return *(const uint32_t *)address;
    if (kind == OBJECT_BARRIER)
        return ((const uint32_t *)address)[2];
    return 0;
}

// --- generations ---

static void emit_object(struct thread *thread, const struct object_node *node, uint32_t id,
    enum object_kind kind, uint32_t flags, uint64_t value, uint16_t stack)
{
    union {
        struct wire_object object;
        uint64_t words[6];
    } payload = { .object = { .address = node->address, .kind = kind, .flags = flags, .value = value } };
    if (flags & OBJECT_PROCESS_SHARED)
        shared_place(node->address, &payload.object);
    event_emit_payload(thread, EVENT_OBJECT, id, stack, 0, payload.words, 3);
}

// Begins a generation in a node whose word was `old`. 0: somebody else changed it first.
static uint32_t begin_generation(struct thread *thread, struct object_node *node, uint64_t old,
    enum object_kind kind, uint32_t flags, uint64_t value, uint16_t stack)
{
    const uint32_t id = atomic_fetch_add_explicit(&process->next_object, 1, memory_order_relaxed) + 1;
    struct thread *owner = thread_with_stack_at(thread, node->address);
    if (owner != NULL)
        flags |= OBJECT_ON_STACK;
    if (!atomic_compare_exchange_strong(&node->word, &old, OBJECT_WORD(id, kind)))
        return 0;
    atomic_store_explicit(&node->flags, flags, memory_order_relaxed);
    if (!(old & WORD_COUNTED))
        count_born(node->address);
    if (owner != NULL)
        stack_list_push(owner, node);
    emit_object(thread, node, id, kind, flags, value, stack);
    return id;
}

static struct object_node **cache_entry(struct thread *thread, uintptr_t address)
{
    return &thread->objects[(address >> 3 ^ address >> 11) % THREAD_OBJECT_CACHE];
}

static uint32_t resolve(struct thread *thread, struct object_node *node, const void *address,
    enum object_kind kind, uint32_t flags, uint64_t value, uint16_t stack)
{
    if (node == NULL)
        node = node_at((uintptr_t)address, true);
    if (node == NULL) {
        atomic_fetch_add(&process->segments[0].shared->objects_unrecorded, 1);
        return 0;
    }
    *cache_entry(thread, node->address) = node;
    for (;;) {
        const uint64_t word = atomic_load_explicit(&node->word, memory_order_acquire);
        const bool alive = word & OBJECT_WORD_ALIVE;
        if (alive && (word >> 8 & 0xff) == kind)
            return (uint32_t)(word >> 32);
        if (alive) {
            end_node(thread, node, WIRE_END_RETYPED);
            continue;
        }
        const uint32_t id = begin_generation(
            thread, node, word, kind, flags | flags_at_first_use(address, kind, word, flags), value, stack);
        if (id != 0)
            return id;
    }
}

uint32_t object_resolve(struct thread *thread, const void *address, enum object_kind kind, uint16_t stack)
{
    return object_resolve_flags(thread, address, kind, 0, stack);
}

uint32_t object_resolve_flags(
    struct thread *thread, const void *address, enum object_kind kind, uint32_t flags, uint16_t stack)
{
    if (thread_is_left_behind(thread))
        return 0;
    // Nothing is changed but the cache, so signals need not be blocked, which would take ten times as long: a program may
    // go over more locks than the cache has room for.
    struct object_node *known = node_at((uintptr_t)address, false);
    const uint64_t word = known != NULL ? atomic_load_explicit(&known->word, memory_order_acquire) : 0;
    if ((uint32_t)word == ((uint32_t)kind << 8 | OBJECT_WORD_ALIVE)) {
        *cache_entry(thread, known->address) = known;
        return (uint32_t)(word >> 32);
    }
    // Where there is no object the program's own handler of SIGSEGV must hear of it, as it would from the real call.
    flags |= flags_of(address, kind);
    const uint64_t value = value_of(address, kind);
    uint64_t mask;
    sys_block_signals(&mask);
    const uint32_t id = resolve(thread, known, address, kind, flags, value, stack);
    sys_restore_signals(&mask);
    return id;
}

uint32_t object_init(struct thread *thread, const void *address, enum object_kind kind, uint32_t flags,
    uint64_t value, uint16_t stack)
{
    uint64_t mask;
    sys_block_signals(&mask);
    uint32_t id = 0;
    struct object_node *node = node_at((uintptr_t)address, true);
    while (node != NULL && id == 0) {
        const uint64_t word = atomic_load(&node->word);
        if (word & OBJECT_WORD_ALIVE)
            end_node(thread, node, WIRE_END_REINIT);
        else
            id = begin_generation(
                thread, node, word, kind, flags | flags_of(address, kind) | OBJECT_BY_INIT, value, stack);
    }
    if (node != NULL) {
        *cache_entry(thread, node->address) = node;
        event_emit(thread, EVENT_INIT, id, stack, 0);
    } else {
        atomic_fetch_add(&process->segments[0].shared->objects_unrecorded, 1);
    }
    sys_restore_signals(&mask);
    return id;
}

static uint64_t destroyed(uint64_t word)
{
    return (word & ~(uint64_t)OBJECT_WORD_ALIVE) | OBJECT_WORD_DESTROYED;
}

uint64_t object_destroy(struct thread *thread, const void *address, enum object_kind kind, uint16_t stack)
{
    const uint32_t id = object_find(thread, address, kind, stack);
    struct object_node *node = node_at((uintptr_t)address, false);
    if (id == 0 || node == NULL)
        return 0;
    event_emit(thread, EVENT_DESTROY, id, stack, 0);
    uint64_t word = atomic_load(&node->word);
    if (!(word & OBJECT_WORD_ALIVE) || !atomic_compare_exchange_strong(&node->word, &word, destroyed(word)))
        return 0;
    return word;
}

void object_revive(struct thread *thread, const void *address, uint64_t token, uint16_t stack, int error)
{
    struct object_node *node = node_at((uintptr_t)address, false);
    if (token == 0 || node == NULL)
        return;
    uint64_t dead = destroyed(token);
    if (!atomic_compare_exchange_strong(&node->word, &dead, token))
        return;
    event_emit(thread, EVENT_DESTROY_FAILED, (uint32_t)(token >> 32), stack, (uint16_t)error);
}

// --- memory that goes away ---

bool object_any_alive(void)
{
    return table != NULL && atomic_load_explicit(&table->ever_alive, memory_order_relaxed) != 0;
}

bool object_maybe_in(const void *start, size_t size)
{
    if (!object_any_alive())
        return false;
    const uintptr_t first = (uintptr_t)start >> 12, last = ((uintptr_t)start + (size ? size - 1 : 0)) >> 12;
    if (last - first > PAGE_COUNTS)
        return true;
    for (uintptr_t page = first; page <= last; page++)
        if (atomic_load_explicit(page_count(page << 12), memory_order_relaxed) != 0)
            return true;
    return false;
}

static void end_in_line(
    struct thread *thread, uint64_t count, uintptr_t start, uintptr_t end, enum wire_object_end why)
{
    // Spinlocks and once controls are aligned to 4 bytes, all else to 8.
    for (uintptr_t at = (start + 3) & ~(uintptr_t)3; at < end; at += 4) {
        struct object_node *node = count & LINE_PLACE(at) ? node_at(at, false) : NULL;
        if (node != NULL)
            end_node(thread, node, why);
    }
}

// For ranges of more pages than there are counts, every node is looked at.
static void end_in_huge_range(struct thread *thread, uintptr_t start, uintptr_t end, enum wire_object_end why)
{
    const uint32_t used = atomic_load(&table->nodes_used);
    for (uint32_t i = 1; i <= used && i < nodes_max; i++)
        if (nodes[i].address >= start && nodes[i].address < end)
            end_node(thread, &nodes[i], why);
}

void object_end_range(struct thread *thread, const void *start, size_t size, enum wire_object_end why)
{
    const uintptr_t low = (uintptr_t)start, high = low + size;
    if ((high - low) >> 12 > PAGE_COUNTS / 4) {
        end_in_huge_range(thread, low, high, why);
        return;
    }
    for (uintptr_t page = low & ~(uintptr_t)4095; page < high; page += 4096) {
        if (atomic_load_explicit(page_count(page), memory_order_relaxed) == 0)
            continue;
        for (uintptr_t line = page > low ? page : low & ~(uintptr_t)63; line < page + 4096 && line < high;
             line += 64) {
            const uint64_t count = atomic_load_explicit(line_count(line), memory_order_relaxed);
            if (count != 0)
                end_in_line(thread, count, line < low ? low : line, line + 64 < high ? line + 64 : high, why);
        }
    }
}

void object_end_at(struct thread *thread, const void *address, enum wire_object_end why)
{
    struct object_node *node = node_at((uintptr_t)address, false);
    if (node != NULL)
        end_node(thread, node, why);
}

// --- threads ---

void object_set_thread(pthread_t handle, uint32_t serial, bool itself)
{
    struct object_node *node = node_at(THREAD_KEY(handle), true);
    if (node == NULL)
        return;
    // Creator and child both say it. Serials grow, so a creator that comes late, when the descriptor already is a later
    // thread's, changes nothing.
    uint64_t word = atomic_load(&node->word);
    while ((itself || word >> 32 < serial) &&
           !atomic_compare_exchange_weak(&node->word, &word, OBJECT_WORD(serial, KIND_THREAD)))
        ;
}

uint32_t object_get_thread(pthread_t handle)
{
    const struct object_node *node = node_at(THREAD_KEY(handle), false);
    return node != NULL ? (uint32_t)(atomic_load(&node->word) >> 32) : 0;
}
