// SPDX-License-Identifier: MIT
// Builds labels; the lines of source come from the trace, so the files need not be there.
#include "trz_stack.h"

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

static void append_source(GString *text, const struct model *model, const struct call_frame *frame)
{
    for (int64_t line = frame->line - CONTEXT_LINES; line <= frame->line + CONTEXT_LINES; line++) {
        const char *source = model_source(model, frame->file, line);
        if (!source)
            continue;
        g_autofree char *escaped = g_markup_printf_escaped("%4" G_GINT64_FORMAT "  %s", line, source);
        if (text->len)
            g_string_append_c(text, '\n');
        g_string_append_printf(
            text, line == frame->line ? "<b>%s</b>" : "<span alpha='60%%'>%s</span>", escaped);
    }
}

// The innermost frame of the program's own with its source, then the others by name.
void trz_stack_add(GtkWidget *box, const struct model *model, uint32_t stack_id)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(model, stack_id, frames);
    const struct call_frame *site = call_stack_site_of(frames);
    for (unsigned i = 0; i < MIN(frames->len, FRAMES_MAX); i++) {
        const struct call_frame *frame = &g_array_index(frames, struct call_frame, i);
        g_autofree char *place = call_frame_text(model, frame);
        trz_stack_add_text(box, place, "place");
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
