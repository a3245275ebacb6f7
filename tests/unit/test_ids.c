// SPDX-License-Identifier: MIT
// The trace's own numbers: the same thing gets the same number, different things different ones, objects too when they are
// mentioned before they are defined, come by the million, or are shared between processes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ids.h"
#include "objects.h"
#include "process.h"

// Without a store: a writer that has failed writes nothing, and numbers are given all the same.
static void recording_without_store(struct recording *recording)
{
    recording_init(recording, NULL, NULL);
    recording->writer.failed = true;
}

static void same_frames_same_stack(void **state)
{
    (void)state;
    struct recording recording;
    recording_without_store(&recording);
    struct ids *ids = &recording.ids;
    uint32_t module = ids_module(ids, "/bin/a", NULL, 0);
    assert_int_equal(module, ids_module(ids, "/bin/a", NULL, 0));
    assert_int_not_equal(module, ids_module(ids, "/bin/b", NULL, 0));
    assert_int_not_equal(module, ids_module(ids, "/bin/a", (const uint8_t *)"\1", 1));
    uint32_t frames[3] = { ids_frame(ids, module, 16), ids_frame(ids, module, 32), ids_frame(ids, 0, 16) };
    assert_int_equal(frames[0], ids_frame(ids, module, 16));
    assert_int_not_equal(frames[0], frames[2]);
    uint32_t stack = ids_stack(ids, frames, 3, false);
    assert_int_equal(stack, ids_stack(ids, frames, 3, false));
    assert_int_not_equal(stack, ids_stack(ids, frames, 2, false));
    assert_int_not_equal(stack, ids_stack(ids, frames + 1, 2, false));
    assert_int_not_equal(stack, ids_stack(ids, frames, 3, true));
    uint32_t turned[3] = { frames[2], frames[1], frames[0] };
    assert_int_not_equal(stack, ids_stack(ids, turned, 3, false));
    recording_done(&recording);
}

static void many_frames_stay_apart(void **state)
{
    (void)state;
    struct recording recording;
    recording_without_store(&recording);
    for (uint32_t i = 1; i <= 20000; i++)
        assert_int_equal(ids_frame(&recording.ids, i % 7 + 1, i * 16), i);
    for (uint32_t i = 1; i <= 20000; i++)
        assert_int_equal(ids_frame(&recording.ids, i % 7 + 1, i * 16), i);
    recording_done(&recording);
}

static struct process *new_process(void)
{
    static uint32_t last;
    struct process *process = process_new(100, NULL, NULL);
    process->id = ++last;
    return process;
}

static const struct wire_object mutex = { .address = 0x1000, .kind = OBJECT_MUTEX };

static void mentioned_before_defined(void **state)
{
    (void)state;
    struct recording recording;
    recording_without_store(&recording);
    struct process *process = new_process();
    struct object_ref early = object_resolve(&recording, process, 3, EVENT_ACQUIRE_SHARED);
    assert_int_equal(early.state, OBJECT_REF_MENTIONED);
    assert_int_equal(early.kind, OBJECT_RWLOCK);
    struct wire_object wire = { .address = 0x1000, .kind = OBJECT_RWLOCK, .flags = OBJECT_PREFER_WRITER };
    object_define(&recording, process, 3, &wire, 50, 1, 1);
    struct object_ref late = object_resolve(&recording, process, 3, EVENT_ACQUIRE);
    assert_int_equal(late.id, early.id);
    assert_int_equal(late.state, OBJECT_REF_KNOWN);
    assert_int_equal(late.flags, OBJECT_PREFER_WRITER);
    assert_int_not_equal(object_resolve(&recording, process, 4, EVENT_ACQUIRE).id, early.id);
    assert_int_equal(object_resolve(&recording, process, 0, EVENT_ACQUIRE).id, 0);
    assert_int_equal(object_resolve(&recording, process, UINT32_MAX, EVENT_ACQUIRE).id, 0);
    objects_close(&recording, process, 100);
    process_free(process);
    recording_done(&recording);
}

static size_t pages_in_memory(const struct process *process)
{
    size_t n = 0;
    for (uint32_t i = 0; i < process->n_pages; i++)
        n += process->pages[i].refs != NULL;
    return n;
}

static void short_lived_objects_cost_nothing_later(void **state)
{
    (void)state;
    struct recording recording;
    recording_without_store(&recording);
    struct process *process = new_process();
    uint32_t first = object_resolve(&recording, process, 1, EVENT_OBJECT).id;
    for (uint32_t i = 1; i <= 300000; i++) {
        object_define(&recording, process, i, &mutex, i, 1, 1);
        object_end(&recording, process, i, i + 1, i % 2 ? "freed" : "destroyed");
    }
    objects_flush(&recording);
    objects_flush(&recording);
    assert_int_equal(g_hash_table_size(process->live_objects), 0);
    assert_in_range(pages_in_memory(process), 0, 1);
    // Numbers stay what they were.
    assert_int_equal(object_resolve(&recording, process, 1, EVENT_RELEASE).id, first);
    assert_int_equal(object_resolve(&recording, process, 299999, EVENT_RELEASE).id, first + 299998);
    objects_close(&recording, process, 400000);
    process_free(process);
    recording_done(&recording);
}

static void refused_destroy(void **state)
{
    (void)state;
    struct recording recording;
    recording_without_store(&recording);
    struct process *process = new_process();
    object_define(&recording, process, 1, &mutex, 10, 1, 1);
    object_end(&recording, process, 1, 20, "destroyed");
    objects_flush(&recording); // between the two events
    object_end(&recording, process, 1, 20, NULL);
    objects_flush(&recording);
    objects_flush(&recording);
    assert_int_equal(g_hash_table_size(process->live_objects), 1);
    objects_close(&recording, process, 100);
    process_free(process);
    recording_done(&recording);
}

static uint32_t id_of(struct recording *recording, struct process *process, uint32_t local)
{
    return object_resolve(recording, process, local, EVENT_ACQUIRE).id;
}

static void shared_between_processes(void **state)
{
    (void)state;
    struct recording recording;
    recording_without_store(&recording);
    struct process *a = new_process(), *b = new_process();
    struct wire_object made = { .address = 0x7000,
        .kind = OBJECT_MUTEX,
        .flags = OBJECT_PROCESS_SHARED | OBJECT_BY_INIT,
        .device_major_minor = 8 << 20 | 1,
        .inode = 77,
        .file_offset = 64 };
    struct wire_object found = made, elsewhere = made;
    found.address = 0x9000;
    found.flags = OBJECT_PROCESS_SHARED;
    elsewhere.file_offset = 128;
    object_define(&recording, a, 1, &made, 10, 1, 1);
    object_define(&recording, b, 5, &found, 20, 2, 2);
    object_define(&recording, b, 6, &elsewhere, 21, 2, 2);
    uint32_t first = id_of(&recording, a, 1);
    assert_int_equal(first, id_of(&recording, b, 5));
    assert_int_not_equal(first, id_of(&recording, b, 6));

    // One unmaps it: the other's goes on. One destroys and makes it again: both have the new one.
    object_end(&recording, b, 6, 25, "unmapped");
    object_end(&recording, a, 1, 30, "destroyed");
    object_define(&recording, a, 2, &made, 40, 1, 1);
    uint32_t second = id_of(&recording, a, 2);
    assert_int_not_equal(first, second);
    assert_int_equal(second, id_of(&recording, b, 5));

    // The process that made it is gone; it lives on, and is found by a third.
    a->over = true;
    objects_close(&recording, a, 50);
    process_free(a);
    struct process *c = new_process();
    object_define(&recording, c, 1, &found, 60, 3, 3);
    assert_int_equal(second, id_of(&recording, c, 1));
    b->over = c->over = true;
    objects_close(&recording, b, 70);
    objects_close(&recording, c, 70);
    process_free(b);
    process_free(c);

    // All are gone: the same place is another object now.
    struct process *d = new_process();
    object_define(&recording, d, 1, &found, 80, 4, 4);
    assert_int_not_equal(second, id_of(&recording, d, 1));
    objects_close(&recording, d, 90);
    process_free(d);
    objects_forget_places(&recording);
    assert_int_equal(g_hash_table_size(recording.ids.places), 2);
    recording.finishing = true;
    objects_flush(&recording);
    objects_forget_places(&recording);
    assert_int_equal(g_hash_table_size(recording.ids.places), 0);
    recording_done(&recording);
}

static void late_news_of_a_shared_object(void **state)
{
    (void)state;
    struct recording recording;
    recording_without_store(&recording);
    struct process *a = new_process(), *b = new_process(), *c = new_process();
    struct wire_object wire = {
        .address = 0x7000, .kind = OBJECT_SEMAPHORE, .device_major_minor = 8 << 20 | 1, .inode = 77
    };
    object_define(&recording, a, 1, &wire, 10, 1, 1);
    uint32_t first = id_of(&recording, a, 1);
    object_end(&recording, a, 1, 30, "closed");
    a->over = true;
    objects_close(&recording, a, 40);
    process_free(a);
    // The other's ring is drained only now, but it met the object while the first had it open.
    object_define(&recording, b, 1, &wire, 20, 2, 2);
    assert_int_equal(id_of(&recording, b, 1), first);
    object_end(&recording, b, 1, 50, "closed");
    object_define(&recording, c, 1, &wire, 60, 3, 3);
    assert_int_not_equal(id_of(&recording, c, 1), first);
    objects_close(&recording, b, 70);
    objects_close(&recording, c, 70);
    process_free(b);
    process_free(c);
    recording_done(&recording);
}

static void news_of_the_generation_before(void **state)
{
    (void)state;
    struct recording recording;
    recording_without_store(&recording);
    struct process *parent = new_process(), *child = new_process(), *later = new_process();
    struct wire_object wire = { .address = 0x7000,
        .kind = OBJECT_MUTEX,
        .flags = OBJECT_BY_INIT,
        .device_major_minor = 8 << 20 | 1,
        .inode = 78 };
    struct wire_object found = wire;
    found.flags = 0;
    object_define(&recording, parent, 1, &wire, 10, 1, 1);
    uint32_t first = id_of(&recording, parent, 1);
    object_end(&recording, parent, 1, 30, "destroyed");
    object_define(&recording, parent, 2, &wire, 40, 1, 1);
    uint32_t second = id_of(&recording, parent, 2);
    // The child has used it and gone before the parent destroyed it, and is drained only now.
    object_define(&recording, child, 1, &found, 20, 2, 2);
    assert_int_equal(id_of(&recording, child, 1), first);
    object_end(&recording, child, 1, 25, "unmapped");
    objects_close(&recording, child, 50);
    process_free(child);
    object_define(&recording, later, 1, &found, 60, 3, 3);
    assert_int_equal(id_of(&recording, later, 1), second);
    objects_close(&recording, parent, 70);
    objects_close(&recording, later, 70);
    process_free(parent);
    process_free(later);
    recording_done(&recording);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(news_of_the_generation_before),
        cmocka_unit_test(same_frames_same_stack),
        cmocka_unit_test(many_frames_stay_apart),
        cmocka_unit_test(mentioned_before_defined),
        cmocka_unit_test(short_lived_objects_cost_nothing_later),
        cmocka_unit_test(refused_destroy),
        cmocka_unit_test(shared_between_processes),
        cmocka_unit_test(late_news_of_a_shared_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
