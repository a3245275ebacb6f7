// SPDX-License-Identifier: MIT
// Objects under construction. Who has made an object has it for itself until it gives something back, signals or creates: the
// others come to know where it is by nothing else, unless data races tell them. What they do with it then requires that point,
// not only the making.
#include "prediction_builder_private.h"

void prediction_construction_begin(struct prediction_builder *builder, uint32_t thread_id, uint32_t object_id)
{
    struct thread_state *thread = &builder->threads[thread_id];
    if (!thread->made)
        thread->made = g_array_new(false, false, sizeof(uint32_t));
    g_array_append_val(thread->made, object_id);
}

static bool may_tell(const struct prediction_step *step)
{
    switch (step->kind) {
    case EVENT_RELEASE:
    case EVENT_POST:
    case EVENT_COND_WAIT:
    case EVENT_COND_SIGNAL:
    case EVENT_COND_BROADCAST:
    case EVENT_BARRIER_ARRIVE:
    case EVENT_ONCE_END:
    case EVENT_CREATE:
    case EVENT_FORK:
    case EVENT_CANCEL:
    case EVENT_WRITE:
        return true;
    default:
        return false;
    }
}

void prediction_construction_step(struct prediction_builder *builder, const struct prediction_step *step)
{
    GArray *made = builder->threads[step->thread_id].made;
    if (!made || !made->len || !may_tell(step))
        return;
    struct prediction_point here = prediction_builder_here(builder, step->thread_id);
    for (unsigned i = made->len; i-- > 0;) {
        uint32_t id = g_array_index(made, uint32_t, i);
        if (step->kind == EVENT_RELEASE && step->object && step->object->row.id == id)
            continue; // nobody else could be waiting for it
        if (!builder->objects[id]->seen)
            builder->objects[id]->init = here;
        g_array_remove_index_fast(made, i);
    }
}
