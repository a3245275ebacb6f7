// SPDX-License-Identifier: MIT
// The application: its windows, its command line, its keys.
#ifndef TRENZA_TRZ_APPLICATION_H
#define TRENZA_TRZ_APPLICATION_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define TRZ_TYPE_APPLICATION (trz_application_get_type())
G_DECLARE_FINAL_TYPE(TrzApplication, trz_application, TRZ, APPLICATION, GtkApplication)

TrzApplication *trz_application_new(void);

G_END_DECLS

#endif
