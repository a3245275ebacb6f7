// SPDX-License-Identifier: MIT
// Places in the code as the targets look for them: modules by a hash of their build id, or of their path.
#include "steering.h"

#include <string.h>

_Static_assert(RECORDER_PLACES == WIRE_STEER_PLACES && RECORDER_PLACE_FRAMES == WIRE_STEER_FRAMES,
    "every place fits the session's page");

// As the target hashes it: bytes, at most as many as the wire has.
static uint64_t module_key(const struct recorder_frame *frame)
{
    uint8_t id[sizeof((struct wire_module *)0)->build_id];
    size_t size = frame->build_id ? strlen(frame->build_id) / 2 : 0;
    size = MIN(size, sizeof id);
    for (size_t i = 0; i < size; i++)
        id[i] = (uint8_t)(g_ascii_xdigit_value(frame->build_id[2 * i]) << 4 |
                          g_ascii_xdigit_value(frame->build_id[2 * i + 1]));
    return wire_module_key(id, (uint32_t)size, frame->path ? frame->path : "");
}

static void describe_place(struct wire_steer_place *place, const struct recorder_place *from)
{
    place->n_frames = MIN(from->n_frames, WIRE_STEER_FRAMES);
    for (unsigned i = 0; i < place->n_frames; i++) {
        place->frames[i].module = module_key(&from->frames[i]);
        place->frames[i].offset = from->frames[i].offset;
    }
}

void steering_describe(struct wire_steer *steer, const struct recorder_steering *steering)
{
    steer->n_places = MIN(steering->n_places, WIRE_STEER_PLACES);
    for (unsigned i = 0; i < steer->n_places; i++)
        describe_place(&steer->places[i], &steering->places[i]);
    if (steering->gate)
        describe_place(&steer->places[steer->n_places], steering->gate);
    steer->has_gate = steering->gate != NULL;
    steer->patience_ms = (uint32_t)(steering->patience * 1000);
}
