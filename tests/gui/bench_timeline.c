// SPDX-License-Identifier: MIT
// How long a trace of so many events takes to open, and a frame of its timeline to draw, at every zoom: bench_timeline EVENTS...
//
// The trace is made up: 64 threads that take a lock, sometimes a second one within it, and wait for it now and then.
// Frames are drawn as the window does, into a 1600x900 image. Prints times, judges nothing.
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "chunk.h"
#include "draw.h"
#include "loaded.h"
#include "store.h"

#define THREADS 64u
#define LOCKS 32u
#define CHUNK_BYTES (1u << 16)
#define FRAMES 400
#define WIDTH 1600
#define HEIGHT 900

struct writer {
    struct store *store;
    struct chunk_encoder encoder;
    uint8_t memory[CHUNK_BYTES];
    uint32_t thread_id;
    uint32_t sequence;
    uint64_t now;
    uint64_t random;
};

static uint32_t next_random(struct writer *writer)
{
    writer->random = writer->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(writer->random >> 33);
}

static void flush(struct writer *writer)
{
    struct trace_chunk chunk = {
        .thread_id = writer->thread_id,
        .sequence = writer->sequence++,
        .first_ticks = writer->encoder.first_ticks,
        .last_ticks = writer->encoder.last_ticks,
        .events = writer->encoder.events,
        .data = writer->encoder.data,
        .size = writer->encoder.size,
    };
    if (chunk.events)
        store_put_chunk(writer->store, &chunk);
    chunk_encoder_restart(&writer->encoder);
}

static void put(struct writer *writer, enum event_kind kind, uint32_t subject)
{
    struct trace_event event = { .ticks = writer->now, .subject = subject, .kind = (uint8_t)kind };
    chunk_encode(&writer->encoder, &event);
    if (!chunk_encoder_has_room(&writer->encoder))
        flush(writer);
    writer->now += 50 + next_random(writer) % 4000;
}

static void put_pair(struct writer *writer, uint32_t lock, bool nested)
{
    if (next_random(writer) % 8 == 0)
        put(writer, EVENT_REQUEST, lock);
    put(writer, EVENT_ACQUIRE, lock);
    if (nested)
        put_pair(writer, lock % LOCKS + 1, false);
    put(writer, EVENT_RELEASE, lock);
}

static void write_thread(struct writer *writer, uint32_t id, uint64_t events)
{
    struct trace_thread thread = {
        .id = id, .process_id = 1, .serial = id, .tid = id, .ended_ticks = -1, .events = events
    };
    writer->thread_id = id;
    writer->sequence = 0;
    writer->now = id * 1000;
    writer->random = id;
    store_put_thread(writer->store, &thread);
    chunk_encoder_init(&writer->encoder, writer->memory, sizeof writer->memory);
    uint64_t done = 0;
    while (done < events) {
        bool nested = next_random(writer) % 4 == 0;
        put_pair(writer, next_random(writer) % LOCKS + 1, nested);
        done += nested ? 4 : 2;
        // Quiet stretches, so that zooming finds something to look at.
        if (next_random(writer) % 1000 == 0)
            writer->now += 3000000;
    }
    flush(writer);
}

static void write_locks(struct store *store)
{
    for (uint32_t i = 1; i <= LOCKS; i++) {
        char name[16];
        g_snprintf(name, sizeof name, "lock_%u", i);
        struct trace_object object = {
            .id = i, .process_id = 1, .kind = OBJECT_MUTEX, .address = i * 64, .ended_ticks = -1, .name = name
        };
        store_put_object(store, &object);
    }
}

static void write_trace(const char *path, uint64_t events)
{
    g_autofree struct writer *writer = g_new0(struct writer, 1);
    struct trace_process process = {
        .id = 1, .pid = 1, .executable = "/bench", .ended_ticks = -1, .exit_status = -1
    };
    if (store_create(path, &writer->store) < 0)
        exit(1);
    store_set_number(writer->store, "ticks_per_second", 1000000000);
    store_set_number(writer->store, "symbolized", 1);
    store_put_process(writer->store, &process);
    write_locks(writer->store);
    for (uint32_t i = 1; i <= THREADS; i++)
        write_thread(writer, i, events / THREADS);
    store_close(writer->store);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double draw_frame(struct scene *scene)
{
    gint64 begin = g_get_monotonic_time();
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, WIDTH, HEIGHT);
    cairo_t *cr = cairo_create(surface);
    struct paint paint;
    paint_init(&paint, cr, scene->theme);
    draw_timeline(&paint, scene);
    paint_done(&paint);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    return (double)(g_get_monotonic_time() - begin) / 1000;
}

// Zooms in from the whole to the closest and pans there, again and again at other places.
static void draw_frames(const struct loaded *loaded, bool by_lock)
{
    struct scene scene;
    double times[FRAMES];
    scene_init(&scene, loaded->timeline, &theme_light);
    scene.by_lock = by_lock;
    scene_layout(&scene, WIDTH, HEIGHT);
    draw_frame(&scene);
    double worst = 0;
    double worst_ms = 0;
    for (int i = 0; i < FRAMES; i++) {
        if (i % 50 == 0)
            axis_fit(&scene.axis);
        if (i % 50 < 40)
            axis_zoom(&scene.axis, 0.7, 0.3 + 0.4 * (i / 50) / 8.0);
        else
            axis_pan(&scene.axis, 0.3);
        times[i] = draw_frame(&scene);
        if (times[i] > worst_ms) {
            worst_ms = times[i];
            worst = scene.axis.to - scene.axis.from;
        }
    }
    qsort(times, FRAMES, sizeof *times, compare_doubles);
    printf("  %s: frame %.1f ms median, %.1f ms 95th percentile, %.1f ms longest (at %.0f us across)\n",
        by_lock ? "by lock" : "by thread", times[FRAMES / 2], times[FRAMES * 95 / 100], worst_ms,
        worst / 1000);
    scene_done(&scene);
}

static void measure(uint64_t events)
{
    g_autofree char *folder = g_dir_make_tmp("trenza-bench-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "trace.db", NULL);
    write_trace(path, events);
    g_autoptr(GError) error = NULL;
    gint64 begin = g_get_monotonic_time();
    clock_t begin_processor = clock();
    struct loaded *loaded = loaded_new(path, NULL, NULL, &error);
    double processor = (double)(clock() - begin_processor) / CLOCKS_PER_SEC;
    double seconds = (double)(g_get_monotonic_time() - begin) / 1e6;
    if (loaded) {
        printf("%" G_GUINT64_FORMAT " events, %" G_GUINT64_FORMAT
               " spans: opened in %.2f s (%.2f s of processor)\n",
            events, loaded->timeline->n_spans, seconds, processor);
        draw_frames(loaded, false);
        draw_frames(loaded, true);
    } else {
        printf("%s\n", error->message);
    }
    fflush(stdout);
    loaded_unref(loaded);
    g_unlink(path);
    g_rmdir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        measure(g_ascii_strtoull(argv[i], NULL, 10));
    return 0;
}
