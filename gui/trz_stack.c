// SPDX-License-Identifier: MIT
// Builds labels; the lines of source come from the trace, so the files need not be there.
#include "trz_stack.h"

#include <limits.h>
#include <string.h>

#include "call_stack.h"

#define FRAMES_MAX 12u
#define CONTEXT_LINES 1 // of source before and after the marked line

GtkWidget *trz_stack_add_text(GtkWidget *box, const char *text, const char *class)
{
    GtkWidget *label = gtk_label_new(text);
    gtk_label_set_xalign(GTK_LABEL(label), 0);
    gtk_label_set_wrap(GTK_LABEL(label), true);
    gtk_label_set_wrap_mode(GTK_LABEL(label), PANGO_WRAP_WORD_CHAR);
    gtk_label_set_selectable(GTK_LABEL(label), false);
    if (class)
        gtk_widget_add_css_class(label, class);
    gtk_box_append(GTK_BOX(box), label);
    return label;
}

static int indentation(const char *line)
{
    return (int)strspn(line, " \t");
}

// What all the lines begin with takes room and says nothing.
static int common_indentation(const struct model *model, const struct call_frame *frame)
{
    int least = INT_MAX;
    for (int64_t line = frame->line - CONTEXT_LINES; line <= frame->line + CONTEXT_LINES; line++) {
        const char *source = model_source(model, frame->file, line);
        if (source && source[indentation(source)])
            least = MIN(least, indentation(source));
    }
    return least == INT_MAX ? 0 : least;
}

static void append_source(GString *text, const struct model *model, const struct call_frame *frame)
{
    int indented = common_indentation(model, frame);
    for (int64_t line = frame->line - CONTEXT_LINES; line <= frame->line + CONTEXT_LINES; line++) {
        const char *source = model_source(model, frame->file, line);
        if (!source)
            continue;
        g_autofree char *escaped = g_markup_printf_escaped(
            "%" G_GINT64_FORMAT "  %s", line, source + MIN(indented, indentation(source)));
        if (text->len)
            g_string_append_c(text, '\n');
        g_string_append_printf(
            text, line == frame->line ? "<b>%s</b>" : "<span alpha='60%%'>%s</span>", escaped);
    }
}

// A long way to a file is cut to its end; pointing at it tells the whole.
static void add_place(GtkWidget *box, const struct model *model, const struct call_frame *frame)
{
    g_autofree char *place = call_frame_text(model, frame);
    const char *file = frame->file ? call_frame_file(model, frame) : NULL;
    if (!file || *file != '/') {
        trz_stack_add_text(box, place, "place");
        return;
    }
    const char *from = path_base(file);
    while (from > file + 1 && from[-2] != '/')
        from--;
    g_autofree char *text =
        g_strdup_printf("%s (%s%s:%" G_GINT64_FORMAT ")", frame->function ? frame->function : "??",
            from > file + 1 ? "…/" : "/", from - (from > file + 1), frame->line);
    gtk_widget_set_tooltip_text(trz_stack_add_text(box, text, "place"), place);
}

// The innermost frame of the program's own with its source, then the others by name.
void trz_stack_add(GtkWidget *box, const struct model *model, uint32_t stack_id)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(model, stack_id, frames);
    const struct call_frame *site = call_stack_site_of(frames);
    for (unsigned i = 0; i < MIN(frames->len, FRAMES_MAX); i++) {
        const struct call_frame *frame = &g_array_index(frames, struct call_frame, i);
        add_place(box, model, frame);
        if (frame != site)
            continue;
        g_autoptr(GString) source = g_string_new(NULL);
        append_source(source, model, frame);
        if (source->len) {
            GtkWidget *label = trz_stack_add_text(box, NULL, "source");
            gtk_label_set_wrap(GTK_LABEL(label), false);
            gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_END);
            gtk_label_set_markup(GTK_LABEL(label), source->str);
        }
    }
    if (frames->len > FRAMES_MAX) {
        g_autofree char *more = g_strdup_printf("and %u outer frames", frames->len - FRAMES_MAX);
        trz_stack_add_text(box, more, "place");
    }
}
