// SPDX-License-Identifier: MIT
// A target without a preload. It keeps to wire.h alone, so it also tests that the layout says enough.
#include "fake_target.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TICKS_PER_EVENT 10

static bool receive_fds(int connection, struct wire_welcome *ret_welcome, int ret_fds[2])
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = { 0 };
    struct iovec part = { ret_welcome, sizeof *ret_welcome };
    struct msghdr message = { .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes };
    if (recvmsg(connection, &message, MSG_CMSG_CLOEXEC) != sizeof *ret_welcome)
        return false;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_len != CMSG_LEN(2 * sizeof(int)))
        return false;
    memcpy(ret_fds, CMSG_DATA(header), 2 * sizeof(int));
    return true;
}

bool fake_attach(const char *socket_path, const struct wire_hello *hello, struct wire_segment **ret_segment,
    struct wire_session **ret_session)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
    int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct wire_welcome welcome;
    int fds[2];
    bool welcomed = connect(connection, (struct sockaddr *)&address, sizeof address) == 0 &&
                    send(connection, hello, sizeof *hello, MSG_NOSIGNAL) == sizeof *hello &&
                    receive_fds(connection, &welcome, fds);
    close(connection);
    if (!welcomed || welcome.magic != WIRE_MAGIC || welcome.version != WIRE_VERSION)
        return false;
    *ret_segment =
        mmap(NULL, WIRE_SEGMENT_BYTES(welcome.slots), PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
    *ret_session = mmap(NULL, WIRE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0);
    close(fds[0]);
    close(fds[1]);
    return *ret_segment != MAP_FAILED && *ret_session != MAP_FAILED;
}

static void ring_doorbell(const struct fake_thread *thread)
{
    if (!thread->session)
        return;
    atomic_fetch_add(&thread->session->doorbell, 1);
    if (atomic_load(&thread->session->sleeping))
        syscall(SYS_futex, &thread->session->doorbell, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static void wait_for_room(const struct fake_thread *thread, uint64_t slots)
{
    uint64_t head = atomic_load(&thread->control->head);
    while (head + slots - atomic_load(&thread->control->tail) > WIRE_RING_EVENTS) {
        atomic_store(&thread->control->waiting, 1);
        ring_doorbell(thread);
        if (head + slots - atomic_load(&thread->control->tail) > WIRE_RING_EVENTS)
            syscall(SYS_futex, &thread->control->waiting, FUTEX_WAIT, 1, NULL, NULL, 0);
    }
}

void fake_event(struct fake_thread *thread, enum event_kind kind, uint32_t subject, uint16_t stack,
    uint16_t arg, const uint64_t *words, unsigned n)
{
    unsigned payload = n / 2;
    wait_for_room(thread, 1 + payload);
    uint64_t head = atomic_load(&thread->control->head);
    thread->ticks += TICKS_PER_EVENT;
    union wire_slot *slot = &thread->slots[head % WIRE_RING_EVENTS];
    slot->ticks_kind = thread->ticks << 8 | kind;
    slot->subject = subject;
    slot->stack = stack;
    slot->arg = arg;
    for (unsigned i = 0; i < payload; i++) {
        slot = &thread->slots[(head + 1 + i) % WIRE_RING_EVENTS];
        slot->a = words[2 * i];
        slot->b = words[2 * i + 1];
    }
    atomic_store_explicit(&thread->control->head, head + 1 + payload, memory_order_release);
    if ((head + 1 + payload) / (WIRE_RING_EVENTS / 4) != head / (WIRE_RING_EVENTS / 4))
        ring_doorbell(thread);
}

void fake_plain(struct fake_thread *thread, enum event_kind kind, uint32_t subject, uint16_t stack)
{
    fake_event(thread, kind, subject, stack, 0, NULL, 0);
}

struct fake_thread fake_thread_start(struct wire_segment *segment, struct wire_session *session,
    uint32_t slot, uint32_t serial, uint32_t creator)
{
    uint8_t *at = (uint8_t *)segment + WIRE_SEGMENT_HEADER + (size_t)slot * WIRE_SLOT_BYTES;
    struct fake_thread thread = {
        .segment = segment,
        .session = session,
        .control = (struct wire_ring *)at,
        .slots = (union wire_slot *)(at + WIRE_PAGE),
    };
    if (atomic_load(&segment->slots_used) <= slot)
        atomic_store(&segment->slots_used, slot + 1);
    struct wire_thread_start wire = { .tid = 1000 + serial, .creator = creator };
    fake_event(&thread, EVENT_THREAD_START, serial, 0, 0, (const uint64_t *)&wire, sizeof wire / 8);
    return thread;
}

void fake_object(struct fake_thread *thread, uint32_t object, const struct wire_object *wire)
{
    fake_event(thread, EVENT_OBJECT, object, 0, 0, (const uint64_t *)wire, sizeof *wire / 8);
}

void fake_mutex(struct fake_thread *thread, uint32_t object, uint32_t flags)
{
    struct wire_object wire = {
        .address = 0x10000 + 64 * (uint64_t)object, .kind = OBJECT_MUTEX, .flags = flags
    };
    fake_object(thread, object, &wire);
}

void fake_stack(struct fake_thread *thread, uint16_t stack, const uint64_t *frames, unsigned depth)
{
    uint64_t words[WIRE_STACK_FRAMES + 1] = { 0 };
    memcpy(words, frames, depth * sizeof *frames);
    unsigned slots = (depth + 1) / 2;
    fake_event(thread, EVENT_STACK, 0, stack, (uint16_t)slots, words, 2 * slots);
}

void fake_module(struct wire_segment *segment, const char *path, uint64_t start, uint64_t end, uint64_t bias,
    uint64_t loaded_ticks)
{
    uint32_t index = atomic_load(&segment->modules_used);
    struct wire_module *module = &segment->modules[index];
    module->map_start = start;
    module->map_end = end;
    module->bias = bias;
    module->build_id_size = 2;
    module->build_id[0] = 0xab;
    module->build_id[1] = (uint8_t)index;
    strncpy(module->path, path, sizeof module->path - 1);
    atomic_store(&module->loaded_ticks, loaded_ticks);
    atomic_store(&module->state, 2);
    atomic_store(&segment->modules_used, index + 1);
}
