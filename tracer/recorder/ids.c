// SPDX-License-Identifier: MIT
// The trace's own numbers. Frames are told apart by (module, offset), so a stack is the same in every process that runs
// the same code, wherever it is loaded. Stacks are told apart by a 128-bit digest of their frames: their contents are in the
// trace, and keeping them here too would make the recorder as big as the trace for a deeply recursive program.
#include "ids.h"

#include <string.h>

#include "clock.h"

static guint place_hash(gconstpointer pointer)
{
    const struct shared_place *place = pointer;
    return (guint)(place->inode * 31 + place->offset * 0x9e3779b1u + place->device);
}

static gboolean place_equal(gconstpointer left, gconstpointer right)
{
    const struct shared_place *a = left, *b = right;
    return a->device == b->device && a->inode == b->inode && a->offset == b->offset;
}

void ids_init(struct ids *ids, struct writer *writer)
{
    *ids = (struct ids){
        .writer = writer,
        .modules = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .places = g_hash_table_new_full(place_hash, place_equal, NULL, g_free),
        .next_module = 1,
        .next_mapping = 1,
        .next_frame = 1,
        .next_stack = 1,
        .next_object = 1,
        .next_thread = 1,
        .next_process = 1,
    };
}

void ids_done(struct ids *ids)
{
    g_hash_table_destroy(ids->modules);
    g_hash_table_destroy(ids->places);
    id_table_done(&ids->frames);
    id_table_done(&ids->stacks);
}

uint32_t ids_module(struct ids *ids, const char *path, const uint8_t *build_id, size_t build_id_size)
{
    // Digit by digit: it is done for every module of every process.
    g_autofree char *hex = g_malloc(2 * build_id_size + 1);
    for (size_t i = 0; i < build_id_size; i++) {
        hex[2 * i] = "0123456789abcdef"[build_id[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[build_id[i] & 15];
    }
    hex[2 * build_id_size] = '\0';
    char *key = g_strconcat(hex, " ", path, NULL);
    uint32_t id = GPOINTER_TO_UINT(g_hash_table_lookup(ids->modules, key));
    if (id) {
        g_free(key);
        return id;
    }
    id = ids->next_module++;
    g_hash_table_insert(ids->modules, key, GUINT_TO_POINTER(id));
    struct trace_module row = { .id = id, .path = path, .build_id = build_id_size ? hex : NULL };
    WRITER_PUT(ids->writer, store_put_module, &row);
    return id;
}

uint32_t ids_frame(struct ids *ids, uint32_t module, uint64_t offset)
{
    struct id_key key = { module, offset };
    struct id_entry *entry;
    uint32_t id = id_table_find(&ids->frames, key, &entry);
    if (id)
        return id;
    id = ids->next_frame++;
    id_table_set(&ids->frames, entry, key, id);
    struct trace_frame row = { .id = id, .module_id = module, .offset = offset };
    WRITER_PUT(ids->writer, store_put_frame, &row);
    return id;
}

uint32_t ids_stack(struct ids *ids, const uint32_t *frames, size_t depth, bool truncated)
{
    struct id_key key = id_digest(frames, depth, truncated);
    struct id_entry *entry;
    uint32_t id = id_table_find(&ids->stacks, key, &entry);
    if (id)
        return id;
    id = ids->next_stack++;
    id_table_set(&ids->stacks, entry, key, id);
    WRITER_PUT(ids->writer, store_put_stack, id, frames, depth, truncated);
    return id;
}

struct shared_place *ids_place(struct ids *ids, const struct wire_object *object)
{
    struct shared_place key = {
        .device = object->device_major_minor, .inode = object->inode, .offset = object->file_offset
    };
    struct shared_place *place = g_hash_table_lookup(ids->places, &key);
    if (!place) {
        place = g_new(struct shared_place, 1);
        *place = key;
        g_hash_table_add(ids->places, place);
    }
    place->users++;
    place->unused_since_ns = 0;
    return place;
}

void ids_place_unuse(struct shared_place *place)
{
    if (--place->users == 0)
        place->unused_since_ns = clock_now_ns();
}
