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

void steering_describe(struct wire_steer *steer, const struct recorder_place *places, unsigned n_places)
{
    for (unsigned i = 0; i < MIN(n_places, WIRE_STEER_PLACES); i++) {
        struct wire_steer_place *place = &steer->places[i];
        place->n_frames = MIN(places[i].n_frames, WIRE_STEER_FRAMES);
        for (unsigned j = 0; j < place->n_frames; j++) {
            place->frames[j].module = module_key(&places[i].frames[j]);
            place->frames[j].offset = places[i].frames[j].offset;
        }
    }
    steer->n_places = MIN(n_places, WIRE_STEER_PLACES);
}
