// SPDX-License-Identifier: MIT
// Object numbers. A process numbers its objects from 1 and never uses a number again, even in programs that make millions
// of short-lived locks. So numbers are mapped in pages of 64 consecutive object.ids; when all objects of a page are over,
// all that is kept is the first id. Rows are written about once a second, so a short-lived object costs one row, not three.
//
// Process-shared objects are one object.id in all processes: a ref then points at a place (device, inode, offset), and the
// place says which generation is the present one.
// Rings are drained one after the other: a process that has come, used a place and gone may be drained after another one has
// begun the place's next generation. What it means is then the former one, as the time of its definition tells.
// Blind spot: the same for a process that has known the place since before, or two generations late.
#include "objects.h"

#include <string.h>

#include "permits.h"

#define PAGES_AHEAD                                                                                          \
    65536u // how far past the highest known number a new one can be: all rings full of new objects
#define PENDING_MAX 65536u
#define PLACES_KEPT_NS (INT64_C(2) * 1000000000)

static struct object_page *page_of(struct process *process, uint32_t local)
{
    uint32_t page = (local - 1) / OBJECT_PAGE;
    if (page >= process->n_pages) {
        if (page - process->n_pages > PAGES_AHEAD)
            return NULL;
        uint32_t n = MAX(page + 1, process->n_pages * 2);
        process->pages = g_renew(struct object_page, process->pages, n);
        memset(process->pages + process->n_pages, 0, (n - process->n_pages) * sizeof *process->pages);
        process->n_pages = n;
    }
    return &process->pages[page];
}

// The page's ref for local, making the page when it is new. NULL: all objects of the page are over, or no such number.
static struct object_ref *make_ref(struct recording *recording, struct process *process, uint32_t local)
{
    struct object_page *page = local ? page_of(process, local) : NULL;
    if (!page || (!page->refs && page->first_id))
        return NULL;
    if (!page->refs) {
        page->refs = g_new0(struct object_ref, OBJECT_PAGE);
        page->first_id = recording->ids.next_object;
        recording->ids.next_object += OBJECT_PAGE;
    }
    return &page->refs[(local - 1) % OBJECT_PAGE];
}

static uint32_t id_in_page(const struct process *process, uint32_t local)
{
    uint32_t page = (local - 1) / OBJECT_PAGE;
    if (local == 0 || page >= process->n_pages || !process->pages[page].first_id)
        return 0;
    return process->pages[page].first_id + (local - 1) % OBJECT_PAGE;
}

static enum object_kind guess_kind(unsigned event)
{
    switch (event) {
    case EVENT_POST:
        return OBJECT_SEMAPHORE;
    case EVENT_COND_WAIT:
    case EVENT_COND_WAKE:
    case EVENT_COND_SIGNAL:
    case EVENT_COND_BROADCAST:
        return OBJECT_COND;
    case EVENT_BARRIER_ARRIVE:
    case EVENT_BARRIER_LEAVE:
        return OBJECT_BARRIER;
    case EVENT_ONCE_REQUEST:
    case EVENT_ONCE_BEGIN:
    case EVENT_ONCE_END:
    case EVENT_ONCE_DONE:
        return OBJECT_ONCE;
    default:
        return event_is_shared(event) ? OBJECT_RWLOCK : OBJECT_MUTEX;
    }
}

struct object_ref object_resolve(
    struct recording *recording, struct process *process, uint32_t local, unsigned event)
{
    struct object_ref *ref = make_ref(recording, process, local);
    if (!ref)
        return (struct object_ref){ .id = id_in_page(process, local), .state = OBJECT_REF_KNOWN };
    if (ref->state == OBJECT_REF_NONE)
        *ref = (struct object_ref){ id_in_page(process, local), 0, guess_kind(event), OBJECT_REF_MENTIONED };
    struct object_ref found = *ref;
    // Another thread's events from before its end may be drained after the place has begun its next generation.
    const uint16_t own = OBJECT_REF_MADE | OBJECT_REF_OVER;
    if (found.state == OBJECT_REF_SHARED && (found.flags & own) == own)
        found.id = id_in_page(process, local);
    else if (found.state == OBJECT_REF_SHARED)
        found.id = ((struct shared_place *)process->places->pdata[ref->id])->object;
    return found;
}

static void make_pending(struct recording *recording, struct object_record *record)
{
    if (!record->pending)
        g_ptr_array_add(recording->pending_objects, record);
    record->pending = true;
    if (recording->pending_objects->len >= PENDING_MAX)
        objects_flush(recording);
}

static struct object_record *new_record(struct process *process, uint32_t local, uint32_t id,
    const struct wire_object *wire, uint64_t ticks, uint32_t thread_id, uint32_t stack)
{
    struct object_record *record = g_new0(struct object_record, 1);
    record->process = process;
    record->local = local;
    record->row = (struct trace_object){
        .id = id,
        .process_id = process->id,
        .kind = wire->kind > OBJECT_NONE && wire->kind < OBJECT_KINDS ? (enum object_kind)wire->kind
                                                                      : OBJECT_MUTEX,
        .flags = wire->flags,
        .address = wire->address,
        .value = wire->value,
        .created_ticks = (int64_t)ticks,
        .created_by = thread_id,
        .create_stack = stack,
        .ended_ticks = -1,
    };
    return record;
}

static void record_free(struct recording *recording, struct object_record *record)
{
    g_hash_table_remove(recording->given_back, GUINT_TO_POINTER(record->row.id));
    g_hash_table_remove(recording->orphans, GUINT_TO_POINTER(record->row.id));
    permits_forget(recording, record->row.id);
    g_free(record->shared_key);
    g_free(record->name);
    g_free(record);
}

static void end_record(
    struct recording *recording, struct object_record *record, uint64_t ticks, const char *how)
{
    record->row.ended_ticks = (int64_t)ticks;
    record->row.ended_how = how;
    record->unsure = g_strcmp0(how, "destroyed") == 0;
    make_pending(recording, record);
}

static void revive(struct recording *recording, struct object_record *record)
{
    record->row.ended_ticks = -1;
    record->row.ended_how = NULL;
    make_pending(recording, record);
}

static bool ends_everywhere(const char *how)
{
    return strcmp(how, "destroyed") == 0 || strcmp(how, "reinit") == 0 || strcmp(how, "retyped") == 0;
}

// The generation of the place that this definition means, when it is one that we know already.
static struct object_record *present_generation(
    struct recording *recording, struct shared_place *place, const struct wire_object *wire, uint64_t ticks)
{
    struct object_record *record = place->record;
    if (!record)
        return NULL;
    if (record->row.ended_ticks >= 0) {
        // Rings are drained one after the other: what this process saw may be what has ended since.
        if (record->row.kind != wire->kind || ticks > (uint64_t)record->row.ended_ticks)
            return NULL;
        if (!ends_everywhere(record->row.ended_how))
            revive(recording, record);
        return record;
    }
    bool again = wire->flags & OBJECT_BY_INIT && record->row.flags & OBJECT_BY_INIT;
    if (record->row.kind == wire->kind && !again)
        return record;
    end_record(recording, record, ticks, again ? "reinit" : "retyped");
    return NULL;
}

// It is no place's any more: freed now, or once its last row is written.
static void replace_record(struct recording *recording, struct object_record *record)
{
    record->place = NULL;
    if (!record->pending)
        record_free(recording, record);
}

// What this process saw had ended by the time the present generation began.
static bool means_former(const struct shared_place *place, const struct trace_object *fresh)
{
    const struct object_record *record = place->record;
    return record && place->former_object && place->former_kind == fresh->kind &&
           fresh->created_ticks < record->row.created_ticks &&
           fresh->created_ticks <= place->former_ended_ticks;
}

static void define_shared(
    struct recording *recording, struct object_record *fresh, const struct wire_object *wire)
{
    struct process *process = fresh->process;
    struct object_ref *ref = object_find(process, fresh->local);
    struct shared_place *place = ids_place(&recording->ids, wire);
    if (means_former(place, &fresh->row)) {
        *ref = (struct object_ref){ place->former_object, (uint16_t)(wire->flags & ~OBJECT_REF_OVER),
            place->former_kind, OBJECT_REF_KNOWN };
        ids_place_unuse(place);
        g_free(fresh);
        return;
    }
    struct object_record *record =
        present_generation(recording, place, wire, (uint64_t)fresh->row.created_ticks);
    if (record) {
        if (wire->flags & OBJECT_BY_INIT) {
            record->row.create_stack = fresh->row.create_stack;
            record->row.created_by = fresh->row.created_by;
        }
        record->row.flags |= fresh->row.flags;
    } else {
        record = fresh;
        record->place = place;
        record->shared_key = g_strdup_printf(
            "%x:%" G_GINT64_MODIFIER "x:%" G_GINT64_MODIFIER "x", place->device, place->inode, place->offset);
        if (place->record) {
            place->former_object = place->record->row.id;
            place->former_kind = place->record->row.kind;
            place->former_ended_ticks = place->record->row.ended_ticks;
            replace_record(recording, place->record);
        }
        place->record = record;
        place->object = record->row.id;
    }
    place->references++;
    uint16_t flags = (uint16_t)wire->flags | (record == fresh ? OBJECT_REF_MADE : 0);
    *ref = (struct object_ref){ process->places->len, flags, record->row.kind, OBJECT_REF_SHARED };
    g_ptr_array_add(process->places, place);
    make_pending(recording, record);
    if (record != fresh)
        g_free(fresh);
}

static void define(struct recording *recording, struct process *process, uint32_t local,
    const struct wire_object *wire, uint64_t ticks, uint32_t thread_id, uint32_t stack)
{
    struct object_ref *ref = object_find(process, local);
    struct object_record *record =
        new_record(process, local, id_in_page(process, local), wire, ticks, thread_id, stack);
    record->row.flags |= ref->flags & OBJECT_BY_ADDRESS;
    if (wire->inode) {
        define_shared(recording, record, wire);
        return;
    }
    *ref = (struct object_ref){ record->row.id, (uint16_t)(wire->flags & ~OBJECT_REF_OVER), record->row.kind,
        OBJECT_REF_KNOWN };
    g_hash_table_insert(process->live_objects, GUINT_TO_POINTER(record->row.id), record);
    make_pending(recording, record);
}

static struct object_record *record_of(const struct process *process, uint32_t local)
{
    const struct object_ref *ref = local ? object_find(process, local) : NULL;
    if (!ref || ref->state == OBJECT_REF_NONE || ref->state == OBJECT_REF_MENTIONED)
        return NULL;
    if (ref->state == OBJECT_REF_SHARED)
        return ((struct shared_place *)process->places->pdata[ref->id])->record;
    return g_hash_table_lookup(process->live_objects, GUINT_TO_POINTER(ref->id));
}

const struct trace_object *object_row(const struct process *process, uint32_t id)
{
    const struct object_record *own = g_hash_table_lookup(process->live_objects, GUINT_TO_POINTER(id));
    if (own)
        return &own->row;
    for (guint i = 0; i < process->places->len; i++) {
        const struct shared_place *place = process->places->pdata[i];
        if (place->record && place->record->row.id == id)
            return &place->record->row;
    }
    return NULL;
}

void object_initialised(struct recording *recording, struct process *process, uint32_t local, uint32_t stack)
{
    struct object_record *record = record_of(process, local);
    if (!record || (record->row.flags & OBJECT_BY_INIT && record->row.create_stack))
        return;
    record->row.flags |= OBJECT_BY_INIT;
    if (stack)
        record->row.create_stack = stack;
    make_pending(recording, record);
}

void object_named(struct recording *recording, struct process *process, uint32_t local, const char *name)
{
    object_resolve(recording, process, local, EVENT_ACQUIRE);
    const struct object_ref *ref = object_find(process, local);
    struct object_record *record = record_of(process, local);
    // Another thread's ring may still hold its beginning.
    if (ref && ref->state == OBJECT_REF_MENTIONED)
        g_hash_table_insert(process->early_names, GUINT_TO_POINTER(local), g_strdup(name));
    if (!record)
        return;
    g_free(record->name);
    record->name = g_utf8_make_valid(name, -1);
    record->row.name = record->name;
    make_pending(recording, record);
}

void object_ordered(struct recording *recording, struct process *process, uint32_t local)
{
    object_resolve(recording, process, local, EVENT_ACQUIRE);
    struct object_ref *ref = object_find(process, local);
    struct object_record *record = record_of(process, local);
    // Another thread's ring may still hold its beginning: it would be a false alarm to forget this till then.
    if (ref && ref->state == OBJECT_REF_MENTIONED)
        ref->flags |= OBJECT_BY_ADDRESS;
    if (!record || record->row.flags & OBJECT_BY_ADDRESS)
        return;
    record->row.flags |= OBJECT_BY_ADDRESS;
    make_pending(recording, record);
}

// One reference less or, taken back, more. True: the object is over.
static bool end_reference(struct object_ref *ref, struct shared_place *place, const char *how)
{
    bool over = ref->flags & OBJECT_REF_OVER;
    if (how && !over) {
        ref->flags |= OBJECT_REF_OVER;
        place->references--;
    } else if (!how && over) {
        ref->flags &= (uint16_t)~OBJECT_REF_OVER;
        place->references++;
    }
    return how && (ends_everywhere(how) || place->references == 0);
}

// An end that is drained before the beginning, which stands in another thread's ring.
struct early_end {
    uint64_t ticks;
    const char *how; // schema.sql's word
};

static void note_early_end(struct process *process, uint32_t local, uint64_t ticks, const char *how)
{
    const struct object_ref *ref = object_find(process, local);
    if (!ref || ref->state != OBJECT_REF_MENTIONED)
        return;
    if (!how) {
        g_hash_table_remove(process->early_ends, GUINT_TO_POINTER(local));
        return;
    }
    struct early_end *end = g_new(struct early_end, 1);
    *end = (struct early_end){ ticks, how };
    g_hash_table_insert(process->early_ends, GUINT_TO_POINTER(local), end);
}

void object_end(
    struct recording *recording, struct process *process, uint32_t local, uint64_t ticks, const char *how)
{
    struct object_record *record = record_of(process, local);
    if (!record) {
        note_early_end(process, local, ticks, how);
        return;
    }
    if (record->place && !end_reference(object_find(process, local), record->place, how) && how)
        return;
    if (how) {
        end_record(recording, record, ticks, how);
        return;
    }
    revive(recording, record);
}

void object_define(struct recording *recording, struct process *process, uint32_t local,
    const struct wire_object *wire, uint64_t ticks, uint32_t thread_id, uint32_t stack)
{
    struct object_ref *ref = make_ref(recording, process, local);
    if (!ref || ref->state == OBJECT_REF_KNOWN || ref->state == OBJECT_REF_SHARED)
        return;
    define(recording, process, local, wire, ticks, thread_id, stack);
    const char *name = g_hash_table_lookup(process->early_names, GUINT_TO_POINTER(local));
    if (name) {
        object_named(recording, process, local, name);
        g_hash_table_remove(process->early_names, GUINT_TO_POINTER(local));
    }
    const struct early_end *end = g_hash_table_lookup(process->early_ends, GUINT_TO_POINTER(local));
    if (!end)
        return;
    object_end(recording, process, local, end->ticks, end->how);
    g_hash_table_remove(process->early_ends, GUINT_TO_POINTER(local));
}

static void put_record(struct recording *recording, struct object_record *record)
{
    struct trace_object *row = &record->row;
    const struct mapping *mapping =
        record->process && !row->module_id
            ? process_find_mapping(record->process, row->address, (uint64_t)row->created_ticks)
            : NULL;
    if (mapping) {
        row->module_id = mapping->module;
        row->module_offset = row->address - mapping->bias;
    }
    row->shared_key = record->shared_key;
    WRITER_PUT(&recording->writer, store_put_object, row);
}

// Its last row is written: forget it, and the whole page when nothing in it can change any more. The present
// generation of a shared place stays with that.
static void drop_record(struct recording *recording, struct object_record *record)
{
    struct process *process = record->process;
    if (record->place)
        return;
    if (!record->shared_key && g_hash_table_remove(process->live_objects, GUINT_TO_POINTER(record->row.id))) {
        struct object_page *page = &process->pages[(record->local - 1) / OBJECT_PAGE];
        if (++page->over == OBJECT_PAGE) {
            g_free(page->refs);
            page->refs = NULL;
        }
    }
    record_free(recording, record);
}

void objects_flush(struct recording *recording)
{
    GPtrArray *pending = recording->pending_objects;
    recording->pending_objects = g_ptr_array_new();
    for (guint i = 0; i < pending->len; i++) {
        struct object_record *record = pending->pdata[i];
        record->pending = false;
        put_record(recording, record);
        if (record->row.ended_ticks < 0)
            continue;
        if (!record->unsure) {
            drop_record(recording, record);
            continue;
        }
        record->unsure = false;
        record->pending = true;
        g_ptr_array_add(recording->pending_objects, record);
    }
    g_ptr_array_free(pending, TRUE);
}

// An object that events mention but nothing defines: its process died in between, or the definition was dropped.
static void put_mentioned(
    struct recording *recording, const struct process *process, const struct object_ref *ref)
{
    struct trace_object row = {
        .id = ref->id, .process_id = process->id, .kind = ref->kind, .created_ticks = -1, .ended_ticks = -1
    };
    WRITER_PUT(&recording->writer, store_put_object, &row);
}

// What this process shares with others goes on without it, if anybody is left.
static void leave_place(
    struct recording *recording, struct process *process, struct object_ref *ref, uint64_t ticks)
{
    struct shared_place *place = process->places->pdata[ref->id];
    struct object_record *record = place->record;
    if (end_reference(ref, place, "unmapped") && process->over && record && record->row.ended_ticks < 0)
        end_record(recording, record, ticks, "unmapped");
}

static void close_places(struct recording *recording, struct process *process)
{
    for (guint i = 0; i < process->places->len; i++) {
        struct shared_place *place = process->places->pdata[i];
        struct object_record *record = place->record;
        if (record && record->process == process) {
            put_record(recording, record);
            record->process = NULL;
        }
        ids_place_unuse(place);
    }
    g_ptr_array_set_size(process->places, 0);
}

static void close_refs(struct recording *recording, struct process *process, uint64_t ticks)
{
    for (uint32_t i = 0; i < process->n_pages; i++)
        for (uint32_t k = 0; process->pages[i].refs && k < OBJECT_PAGE; k++) {
            struct object_ref *ref = &process->pages[i].refs[k];
            if (ref->state == OBJECT_REF_MENTIONED)
                put_mentioned(recording, process, ref);
            else if (ref->state == OBJECT_REF_SHARED)
                leave_place(recording, process, ref, ticks);
        }
}

static gboolean is_forgotten(gpointer key, gpointer value, gpointer data)
{
    (void)value;
    struct shared_place *place = key;
    struct recording *recording = data;
    int64_t age_ns = clock_now_ns() - place->unused_since_ns;
    if (place->users > 0 || (age_ns < PLACES_KEPT_NS && !recording->finishing) ||
        (place->record && place->record->pending))
        return FALSE;
    if (place->record)
        record_free(recording, place->record);
    return TRUE;
}

void objects_forget_places(struct recording *recording)
{
    g_hash_table_foreach_remove(recording->ids.places, is_forgotten, recording);
}

void objects_close(struct recording *recording, struct process *process, uint64_t ticks)
{
    close_refs(recording, process, ticks);
    objects_flush(recording);
    objects_flush(recording); // what was unsure is sure now: nothing of this process is pending
    close_places(recording, process);

    GHashTableIter each;
    gpointer record;
    g_hash_table_iter_init(&each, process->live_objects);
    while (g_hash_table_iter_next(&each, NULL, &record)) {
        put_record(recording, record);
        record_free(recording, record);
    }
    g_hash_table_remove_all(process->live_objects);
}
