// SPDX-License-Identifier: MIT
// trenza-gui: the window over a trace, and with --render the same pictures without one.
#include "trz_application.h"

int main(int argc, char **argv)
{
    g_set_prgname("trenza-gui");
    g_set_application_name("Trenza");
    g_autoptr(TrzApplication) application = trz_application_new();
    return g_application_run(G_APPLICATION(application), argc, argv);
}
