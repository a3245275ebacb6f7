// SPDX-License-Identifier: MIT
// window_frames TRACE: opens a trace in the window itself and moves about in it; prints how long opening and each frame took.
//
// A frame is what GTK does between before-paint and after-paint of the window's clock: the step of the movement, layout, drawing,
// and handing the picture to the display. The movement: in from the whole to the closest, then along, at eight places; by thread, then by
// lock. Times are by the clock, which on a busy machine measures the others too, and of the thread's own processor time.
// Blind to what the display server does after that. Lines are: name, then numbers with their units.
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "trz_application.h"
#include "trz_views.h"
#include "trz_window.h"

#define FRAMES 400
#define FRAMES_AT_PLACE 50
#define FRAMES_ZOOMING 40
#define WIDTH 1600
#define HEIGHT 900
#define SETTLE_MS 500

static const char *const views[] = { "timeline", "locks" };

struct frame {
    double clock_ms;
    double processor_ms;
};

static struct {
    GApplication *application;
    GtkWindow *window;
    TrzSession *session;
    gint64 begin_us;
    bool shown; // the first picture of the timeline has been
    unsigned view;
    unsigned step;
    bool moving;
    gint64 frame_begin_us;
    double frame_begin_processor_ms;
    struct frame frames[FRAMES];
    int status;
} bench = { .status = 1 };

static double seconds_since_begin(void)
{
    return (double)(g_get_monotonic_time() - bench.begin_us) / 1e6;
}

static double processor_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void print_times(const char *what, double *times)
{
    qsort(times, FRAMES, sizeof *times, compare_doubles);
    printf(" %s %.2f %.2f %.2f", what, times[FRAMES / 2], times[FRAMES * 95 / 100], times[FRAMES - 1]);
}

// Median, 95th percentile, longest.
static void print_frames(void)
{
    double clock[FRAMES];
    double processor[FRAMES];
    for (int i = 0; i < FRAMES; i++) {
        clock[i] = bench.frames[i].clock_ms;
        processor[i] = bench.frames[i].processor_ms;
    }
    printf("frames_%s", views[bench.view]);
    print_times("clock_ms", clock);
    print_times("processor_ms", processor);
    printf("\n");
}

static void move(void)
{
    struct axis *axis = trz_session_get_axis(bench.session);
    unsigned at = bench.step % FRAMES_AT_PLACE;
    if (at == 0)
        axis_fit(axis);
    if (at < FRAMES_ZOOMING)
        axis_zoom(axis, 0.7, 0.3 + 0.4 * (bench.step / FRAMES_AT_PLACE) / 8.0);
    else
        axis_pan(axis, 0.3);
    trz_session_view_changed(bench.session);
}

static gboolean tick(GtkWidget *widget, GdkFrameClock *clock, gpointer data)
{
    (void)widget;
    (void)clock;
    (void)data;
    if (bench.step == FRAMES)
        return G_SOURCE_REMOVE;
    bench.moving = true;
    move();
    return G_SOURCE_CONTINUE;
}

static gboolean begin_view(gpointer data)
{
    (void)data;
    bench.step = 0;
    gtk_widget_add_tick_callback(GTK_WIDGET(bench.window), tick, NULL, NULL);
    return G_SOURCE_REMOVE;
}

static void show_view(void)
{
    gtk_widget_activate_action(GTK_WIDGET(bench.window), "win.view", "s", views[bench.view]);
    g_timeout_add(SETTLE_MS, begin_view, NULL);
}

static void end_view(void)
{
    print_frames();
    bench.view++;
    if (bench.view < G_N_ELEMENTS(views)) {
        show_view();
        return;
    }
    bench.status = 0;
    g_application_quit(bench.application);
}

static void before_paint(GdkFrameClock *clock)
{
    (void)clock;
    bench.frame_begin_us = g_get_monotonic_time();
    bench.frame_begin_processor_ms = processor_ms(CLOCK_THREAD_CPUTIME_ID);
}

static void after_paint(GdkFrameClock *clock)
{
    (void)clock;
    if (!bench.shown && trz_session_get_state(bench.session) >= TRZ_SESSION_ANALYSING) {
        bench.shown = true;
        printf("shown_s %.3f\n", seconds_since_begin());
    }
    if (!bench.moving)
        return;
    bench.moving = false;
    bench.frames[bench.step++] = (struct frame){
        .clock_ms = (double)(g_get_monotonic_time() - bench.frame_begin_us) / 1e3,
        .processor_ms = processor_ms(CLOCK_THREAD_CPUTIME_ID) - bench.frame_begin_processor_ms,
    };
    if (bench.step == FRAMES)
        end_view();
}

static void print_peak(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("peak_mb %ld\n", usage.ru_maxrss / 1024);
}

static void state_changed(TrzSession *session)
{
    switch (trz_session_get_state(session)) {
    case TRZ_SESSION_ANALYSING:
        printf("opened_s %.3f processor_s %.3f\n", seconds_since_begin(),
            processor_ms(CLOCK_PROCESS_CPUTIME_ID) / 1e3);
        print_peak();
        break;
    case TRZ_SESSION_READY:
        printf("ready_s %.3f\n", seconds_since_begin());
        show_view();
        break;
    case TRZ_SESSION_FAILED:
        fprintf(stderr, "%s\n", trz_session_get_error(session));
        g_application_quit(bench.application);
        break;
    default:
        break;
    }
}

static void realized(GtkWidget *window)
{
    GdkFrameClock *clock = gtk_widget_get_frame_clock(window);
    g_signal_connect(clock, "before-paint", G_CALLBACK(before_paint), NULL);
    g_signal_connect(clock, "after-paint", G_CALLBACK(after_paint), NULL);
}

static void window_added(GtkApplication *application, GtkWindow *window)
{
    (void)application;
    if (bench.window)
        return;
    bench.window = window;
    bench.session = trz_window_get_session(TRZ_WINDOW(window));
    gtk_window_set_default_size(window, WIDTH, HEIGHT);
    gtk_window_fullscreen(window);
    g_signal_connect(window, "realize", G_CALLBACK(realized), NULL);
    g_signal_connect(bench.session, "state-changed", G_CALLBACK(state_changed), NULL);
}

int main(int argc, char **argv)
{
    bench.begin_us = g_get_monotonic_time();
    setvbuf(stdout, NULL, _IOLBF, 0);
    bench.application = G_APPLICATION(trz_application_new());
    g_application_set_flags(
        bench.application, g_application_get_flags(bench.application) | G_APPLICATION_NON_UNIQUE);
    g_signal_connect(bench.application, "window-added", G_CALLBACK(window_added), NULL);
    g_application_run(bench.application, argc, argv);
    g_object_unref(bench.application);
    return bench.status;
}
