// SPDX-License-Identifier: MIT
// The desktop's own dialogs, as GTK 4.8 has them: they are kept by nobody and free themselves when they are answered.
#include "trz_dialog.h"

struct question {
    GtkWindow *window;
    trz_dialog_chosen chosen;
};

static void answered(GtkNativeDialog *dialog, int response, struct question *question)
{
    if (response == GTK_RESPONSE_ACCEPT) {
        g_autoptr(GFile) file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog));
        question->chosen(question->window, file);
    }
    g_free(question);
    g_object_unref(dialog);
}

static void ask(GtkFileChooserNative *dialog, GtkWindow *window, trz_dialog_chosen chosen)
{
    struct question *question = g_new0(struct question, 1);
    *question = (struct question){ window, chosen };
    g_signal_connect(dialog, "response", G_CALLBACK(answered), question);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(dialog));
}

static void add_filter(GtkFileChooserNative *dialog, const char *name, const char *const *patterns)
{
    GtkFileFilter *filter = gtk_file_filter_new();
    gtk_file_filter_set_name(filter, name);
    for (size_t i = 0; patterns[i]; i++)
        gtk_file_filter_add_pattern(filter, patterns[i]);
    gtk_file_chooser_add_filter(GTK_FILE_CHOOSER(dialog), filter);
}

void trz_dialog_open(GtkWindow *window, const char *title, trz_dialog_chosen chosen)
{
    GtkFileChooserNative *dialog =
        gtk_file_chooser_native_new(title, window, GTK_FILE_CHOOSER_ACTION_OPEN, "_Open", "_Cancel");
    add_filter(dialog, "Traces (*.db)", (const char *const[]){ "*.db", "*.db.old", NULL });
    add_filter(dialog, "All files", (const char *const[]){ "*", NULL });
    ask(dialog, window, chosen);
}

void trz_dialog_save(GtkWindow *window, const char *title, const char *name, trz_dialog_chosen chosen)
{
    GtkFileChooserNative *dialog =
        gtk_file_chooser_native_new(title, window, GTK_FILE_CHOOSER_ACTION_SAVE, "_Export", "_Cancel");
    gtk_file_chooser_set_current_name(GTK_FILE_CHOOSER(dialog), name);
    ask(dialog, window, chosen);
}
