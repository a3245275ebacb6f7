// SPDX-License-Identifier: MIT
// Ties the recorder together. (Not built yet: every run is refused.)
#include "recorder.h"

G_DEFINE_QUARK(recorder-error-quark, recorder_error)

bool recorder_run(const struct recorder_options *options, struct recorder_result *ret_result, GError **error)
{
    (void)options;
    *ret_result = (struct recorder_result){.exit_status = -1};
    g_set_error_literal(error, RECORDER_ERROR, RECORDER_ERROR_FAILED, "recording is not built yet");
    return false;
}
