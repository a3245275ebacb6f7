// SPDX-License-Identifier: MIT
// A signal handler that interrupts an event and jumps away (siglongjmp), or a cancellation at any moment, leaves the event
// torn: its slots are taken and never filled, and it never publishes. Handlers' events wait for the one they interrupted:
//
//   published | torn | whole: written by handlers | head
//
// So the first event that ends while another seems to be interrupted looks for the signal's frame on the stack. None: the
// other one is torn, what is whole moves down over it and is published. Nothing of this is on the way of ordinary events.
// A torn event is not recorded, as if its thread had been stopped a moment earlier.
// Blind: a handler that returns to an event more than a ring of other events later.
#include "torn.h"

#include "rows.h"
#include "walk.h"

void torn_note_whole(struct thread *thread, uint64_t first, uint64_t n)
{
    if (n == 0)
        return;
    if (thread->whole_to == first) {
        thread->whole_to += n;
    } else if (first + n == thread->whole_from) {
        thread->whole_from = first;
    } else {
        thread->whole_from = first;
        thread->whole_to = first + n;
    }
}

static void publish_whole(struct thread *thread)
{
    uint64_t to = atomic_load(&thread->control->head);
    uint64_t from = thread->whole_from > to ? thread->whole_from : to;
    for (; from < thread->whole_to; from++, to++)
        *ring_slot(thread, to) = *ring_slot(thread, from);
    thread->head = thread->whole_from = thread->whole_to = to;
    atomic_store_explicit(&thread->control->head, to, memory_order_release);
}

// Whether this thread runs in a signal handler, or one cannot tell. Signals are blocked.
static bool in_handler(struct thread *thread, const struct caller *caller)
{
    struct stack_cache *lent = thread->stacks;
    struct walk walk = {
        .pc = caller->pc,
        .sp = caller->sp,
        .fp = caller->fp,
        .stack_low = thread->stack_low,
        .stack_high = thread->stack_high,
        .generation = CFI_CODE_MAY_GO,
        .frames = lent->frames,
        .frames_max = WIRE_STACK_FRAMES,
        .reading = &lent->reading,
    };
    walk_run(&walk);
    for (unsigned i = 0; i < walk.depth; i++)
        if (row_signal(row_at(walk.frames[i] - 1, CFI_CODE_MAY_GO, &lent->reading)))
            return true;
    return walk.truncated;
}

void ring_end_inside(struct thread *thread, uint64_t first, uint64_t n)
{
    // In the child of a fork inside of a hook: a handler's, or a once routine's. What the hook began is the parent's.
    if (thread->ring == NULL) {
        thread->depth = 0;
        return;
    }
    const struct caller caller = CALLER();
    uint64_t mask;
    sys_block_signals(&mask);
    torn_note_whole(thread, first, n);
    if (in_handler(thread, &caller)) {
        thread->depth--;
    } else {
        publish_whole(thread);
        thread->depth = RING_IDLE;
    }
    sys_restore_signals(&mask);
}

void torn_make_room(struct thread *thread)
{
    uint64_t published = atomic_load(&thread->control->head);
    if (thread->head == published || published != atomic_load(&thread->control->tail))
        return;
    uint64_t mask;
    sys_block_signals(&mask);
    publish_whole(thread);
    sys_restore_signals(&mask);
}
